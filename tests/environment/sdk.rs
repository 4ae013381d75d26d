//! What concerns the SDK, whatever the exporter.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue, global};

use crate::set_up::{METRICS, TRACES, sending, sent, set_up, something};

#[test]
fn the_sdk_is_on_unless_it_is_turned_off() -> anyhow::Result<()> {
    for (value, requests) in [("true", 0), ("TRUE", 0), ("false", 2), ("", 2)] {
        assert_eq!(sent(&[("OTEL_SDK_DISABLED", value)])?.received().len(), requests, "{value}");
    }
    Ok(())
}

#[test]
fn name_and_attributes_are_in_the_resource() -> anyhow::Result<()> {
    for (variables, name) in [
        (vec![("OTEL_SERVICE_NAME", "shop")], "shop"),
        (vec![("OTEL_RESOURCE_ATTRIBUTES", "service.name=store,zone=a%20b")], "store"),
        (vec![("OTEL_SERVICE_NAME", "shop"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=store,zone=a%20b")], "shop"),
    ] {
        let resource = sent(&variables)?.wait_for(TRACES, 1)?[0].resource()?;
        assert_eq!(resource["service.name"], name, "{variables:?}");
        let zone = variables.iter().any(|(variable, _)| *variable == "OTEL_RESOURCE_ATTRIBUTES").then_some("a b");
        assert_eq!(resource.get("zone").map(String::as_str), zone, "{variables:?}");
    }
    Ok(())
}

#[test]
fn metrics_come_at_the_interval() -> anyhow::Result<()> {
    let (receiver, guard) = sending(&[("OTEL_METRIC_EXPORT_INTERVAL", "20"), ("OTEL_TRACES_EXPORTER", "none")])?;
    something(&guard);
    receiver.wait_for(METRICS, 3)?;
    let (receiver, guard) = sending(&[("OTEL_METRIC_EXPORT_INTERVAL", "3600000"), ("OTEL_TRACES_EXPORTER", "none")])?;
    something(&guard);
    guard.shutdown()?;
    assert_eq!(receiver.at(METRICS).len(), 1, "only at the end");
    Ok(())
}

#[test]
fn spans_come_in_batches() -> anyhow::Result<()> {
    let none = ("OTEL_METRICS_EXPORTER", "none");
    let (receiver, guard) = sending(&[("OTEL_BSP_SCHEDULE_DELAY", "20"), none])?;
    something(&guard);
    receiver.wait_for(TRACES, 1)?;
    drop(guard);

    let (receiver, guard) = sending(&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"), none])?;
    for _ in 0..5 {
        guard.tracer_provider().tracer("test").start("span");
    }
    guard.shutdown()?;
    let spans: Vec<usize> =
        receiver.at(TRACES).iter().map(|request| Ok(request.spans()?.len())).collect::<anyhow::Result<_>>()?;
    assert!(spans.iter().sum::<usize>() == 5 && spans.iter().all(|spans| *spans <= 2), "{spans:?}");

    // A batch that isn't full waits: what doesn't fit meanwhile is gone.
    let (receiver, guard) = sending(&[("OTEL_BSP_MAX_QUEUE_SIZE", "3"), ("OTEL_BSP_SCHEDULE_DELAY", "600000"), none])?;
    // Batches are no larger than the queue, so that three are one, which leaves; less than that stays.
    for _ in 0..2 {
        guard.tracer_provider().tracer("test").start("span");
    }
    assert!(receiver.at(TRACES).is_empty());
    guard.shutdown()?;
    assert_eq!(receiver.at(TRACES).len(), 1);
    Ok(())
}

#[test]
fn a_sampler_decides_by_its_kind_its_share_and_the_parent() -> anyhow::Result<()> {
    let (sampler, share) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    // Of a root, of a child of what is sampled, of a child of what isn't.
    for (variables, expected) in [
        (vec![], [1, 1, 0]),
        (vec![(sampler, "always_on")], [1, 1, 1]),
        (vec![(sampler, "always_off")], [0, 0, 0]),
        (vec![(sampler, "traceidratio")], [1, 1, 1]),
        (vec![(sampler, "traceidratio"), (share, "0")], [0, 0, 0]),
        (vec![(sampler, "traceidratio"), (share, "1.0")], [1, 1, 1]),
        (vec![(sampler, "parentbased_always_on")], [1, 1, 0]),
        (vec![(sampler, "parentbased_always_off")], [0, 1, 0]),
        (vec![(sampler, "parentbased_traceidratio"), (share, "0")], [0, 1, 0]),
        (vec![(sampler, "ParentBased_TraceIdRatio"), (share, "1")], [1, 1, 0]),
    ] {
        let parents = [None, Some(TraceFlags::SAMPLED), Some(TraceFlags::NOT_SAMPLED)];
        let mut kept = [0; 3];
        for (parent, kept) in parents.into_iter().zip(&mut kept) {
            let (receiver, guard) = sending(&[&variables[..], &[("OTEL_METRICS_EXPORTER", "none")]].concat())?;
            let context = parent.map_or_else(Context::new, |flags| {
                let (trace, span) = (TraceId::from(7), SpanId::from(7));
                Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::NONE))
            });
            guard.tracer_provider().tracer("test").start_with_context("span", &context);
            guard.shutdown()?;
            for request in receiver.at(TRACES) {
                *kept += request.spans()?.len();
            }
        }
        assert_eq!(kept, expected, "{variables:?}");
    }
    // A share is of traces, by their ids: of a thousand about half.
    let (receiver, guard) = sending(&[(sampler, "traceidratio"), (share, "0.5"), ("OTEL_METRICS_EXPORTER", "none")])?;
    for _ in 0..1_000 {
        guard.tracer_provider().tracer("test").start("span");
    }
    guard.shutdown()?;
    let mut kept = 0;
    for request in receiver.at(TRACES) {
        kept += request.spans()?.len();
    }
    assert!((400..600).contains(&kept), "{kept}: twelve standard deviations would be 190");
    Ok(())
}

#[test]
fn propagators_write_what_they_are_named_for() -> anyhow::Result<()> {
    // The one test here that changes what belongs to the whole process.
    for (value, expected) in [
        ("", vec!["baggage", "traceparent", "tracestate"]),
        ("tracecontext", vec!["traceparent", "tracestate"]),
        ("Baggage", vec!["baggage"]),
        ("baggage,tracecontext", vec!["baggage", "traceparent", "tracestate"]),
        ("none", vec![]),
    ] {
        let guard =
            cachescope::otel::Setup::from_lookup(move |name| (name == "OTEL_PROPAGATORS").then(|| value.to_owned()))
                .trace_exporters([])
                .metric_exporters([])
                .init()?;
        let (trace, span) = (TraceId::from(7), SpanId::from(7));
        let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE);
        let context = Context::new().with_remote_span_context(context).with_baggage([KeyValue::new("tenant", "seven")]);
        let mut carrier = HashMap::<String, String>::new();
        global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
        let mut names: Vec<&str> = carrier.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{value}");
        guard.shutdown()?;
    }
    Ok(())
}

#[test]
fn a_deadline_is_kept_though_variables_would_wait_longer() -> anyhow::Result<()> {
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", silent.local_addr()?);
    let guard = set_up(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000")])?;
    something(&guard);
    let begun = std::time::Instant::now();
    assert!(guard.shutdown().is_err());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    Ok(())
}
