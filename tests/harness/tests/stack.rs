//! The stack alone: telemetry that is sent to it arrives in Prometheus and Jaeger.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use cachescope_harness::Stack;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(20);

/// A start and an end, two milliseconds apart, in OTLP's format.
fn times() -> Result<(String, String)> {
    let start = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let end = start + Duration::from_millis(2);
    Ok((start.as_nanos().to_string(), end.as_nanos().to_string()))
}

fn resource(service: &str, instance: &str) -> Value {
    json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "service.instance.id", "value": {"stringValue": instance}},
    ]})
}

fn send(url: &str, body: &Value) -> Result<()> {
    // Loopback needs no proxy, even if the environment names one.
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    agent.post(url).send_json(body)?;
    Ok(())
}

/// Sends a counter as an instance of `service` would.
fn count(stack: &Stack, service: &str, instance: &str, value: u32) -> Result<()> {
    let (start, now) = times()?;
    let point = json!({"asInt": value.to_string(), "startTimeUnixNano": start, "timeUnixNano": now,
        "attributes": [{"key": "cache.name", "value": {"stringValue": "user.by_id"}}]});
    let metric = json!({"name": "stack.check", "sum":
        {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]}});
    let body = json!({"resourceMetrics": [{"resource": resource(service, instance),
        "scopeMetrics": [{"scope": {"name": "by-hand"}, "metrics": [metric]}]}]});
    send(&format!("{}/v1/metrics", stack.collector().otlp_http()), &body)
}

#[test]
fn counters_of_two_instances_stay_apart_and_are_summed_by_a_query() -> Result<()> {
    let stack = Stack::shared()?;
    count(&stack, "stack-metrics", "a", 3)?;
    count(&stack, "stack-metrics", "b", 4)?;
    let of_service = r#"stack_check_total{service_name="stack-metrics"}"#;
    let found = stack.prometheus().eventually(of_service, DEADLINE, |found| found.len() == 2)?;
    for sample in &found {
        assert_eq!(sample.labels["cache_name"], "user.by_id");
        assert_eq!(sample.labels["instance"], sample.labels["service_instance_id"]);
    }
    assert_eq!(stack.prometheus().query(&format!("sum({of_service})"))?[0].value, 7.0);
    Ok(())
}

#[test]
fn spans_arrive_with_parent_link_and_attributes() -> Result<()> {
    let stack = Stack::shared()?;
    // Unique to this run: an attached stack may have the trace of an earlier one.
    let service = format!("stack-traces-{}", std::process::id());
    let trace = format!("{:032x}", 0xabc0_0000_0000_u64 + u64::from(std::process::id()));
    let span = |id: &str, parent: &str, name: &str, links: Value| -> Result<Value> {
        let (start, end) = times()?;
        Ok(json!({"traceId": trace, "spanId": id, "parentSpanId": parent, "name": name, "kind": 1, "links": links,
            "startTimeUnixNano": start, "endTimeUnixNano": end,
            "attributes": [{"key": "cache.hit", "value": {"boolValue": false}}]}))
    };
    let link = json!([{"traceId": "000000000000000000000000000000ff", "spanId": "00000000000000aa"}]);
    let spans = [
        span("1000000000000001", "", "request", json!([]))?,
        span("1000000000000002", "1000000000000001", "load", link)?,
    ];
    let body = json!({"resourceSpans": [{"resource": resource(&service, "a"),
        "scopeSpans": [{"scope": {"name": "by-hand"}, "spans": spans}]}]});
    send(&format!("{}/v1/traces", stack.collector().otlp_http()), &body)?;

    let traces =
        stack.jaeger().eventually(&service, DEADLINE, |found| found.len() == 1 && found[0].spans.len() == 2)?;
    let load = traces[0].named("load").next().expect("the load span");
    assert_eq!(load.parent_id.as_deref(), Some("1000000000000001"));
    assert_eq!(load.tags["cache.hit"], "false");
    assert_eq!(load.duration_us, 2_000);
    assert_eq!((load.service.as_str(), load.resource["service.instance.id"].as_str()), (service.as_str(), "a"));
    let linked: Vec<&str> = load.links().map(|link| link.span_id.as_str()).collect();
    assert_eq!(linked, ["00000000000000aa"]);
    assert_eq!(traces[0].named("request").next().expect("the request span").parent_id, None);
    Ok(())
}

#[test]
fn collector_counts_received_data() -> Result<()> {
    let stack = Stack::shared()?;
    count(&stack, "stack-self", "a", 1)?;
    let accepted = "sum(otelcol_receiver_accepted_metric_points)";
    stack.prometheus().eventually(accepted, DEADLINE, |found| found.first().is_some_and(|sum| sum.value >= 1.0))?;
    Ok(())
}

#[test]
fn refused_expression_is_an_error_with_the_reason() -> Result<()> {
    let error = Stack::shared()?.prometheus().query("sum(").expect_err("not an expression").to_string();
    assert!(error.contains("parse error"), "{error}");
    Ok(())
}
