//! Variables of the SDK, which hold for all exporters.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};

use super::setup::{METRICS, TRACES, sending, sent, set_up, something};

#[test]
fn sdk_is_enabled_by_default() -> anyhow::Result<()> {
    for (value, requests) in [("true", 0), ("TRUE", 0), ("false", 2), ("", 2)] {
        assert_eq!(sent(&[("OTEL_SDK_DISABLED", value)])?.received().len(), requests, "{value}");
    }
    Ok(())
}

#[test]
fn service_name_and_attributes_are_in_the_resource() -> anyhow::Result<()> {
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
fn metrics_are_exported_at_the_interval() -> anyhow::Result<()> {
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
fn spans_are_exported_in_batches() -> anyhow::Result<()> {
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

    // An incomplete batch waits in the queue.
    let (receiver, guard) = sending(&[("OTEL_BSP_MAX_QUEUE_SIZE", "3"), ("OTEL_BSP_SCHEDULE_DELAY", "600000"), none])?;
    // A batch is at most as large as the queue: three spans would leave at once, and two wait.
    for _ in 0..2 {
        guard.tracer_provider().tracer("test").start("span");
    }
    assert!(receiver.at(TRACES).is_empty());
    guard.shutdown()?;
    assert_eq!(receiver.at(TRACES).len(), 1);
    Ok(())
}

#[test]
fn sampler_decides_by_its_kind_its_ratio_and_the_parent() -> anyhow::Result<()> {
    let (sampler, share) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    // Spans of a root, of a child of a sampled span, and of a child of an unsampled span.
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
    // A ratio is a share of trace ids: about half of a thousand.
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
fn deadline_of_shutdown_holds_with_longer_timeouts_in_variables() -> anyhow::Result<()> {
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", silent.local_addr()?);
    let guard = set_up(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000")])?;
    something(&guard);
    let begun = std::time::Instant::now();
    assert!(guard.shutdown().is_err());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    Ok(())
}
