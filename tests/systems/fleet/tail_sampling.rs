//! Tail sampling keeps all traces that explain a problem of a cache and a share of the rest, each complete. The metrics
//! of spans count all spans.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Poll, Waker};
use std::time::Duration;

use cachescope::otel::Guard;
use cachescope::{cached, try_cached};
use cachescope_harness::eventually;
use cachescope_tests::sdk::attributes;
use cachescope_tests::setup::{in_a_trace, setup, telemetry};
use cachescope_tests::workload::Refused;
use futures_util::FutureExt;
use futures_util::future::join_all;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor, SpanData};
use prometheus_parse::Value;

use super::gateway::Gateway;
use super::{PATIENCE, file, series};

/// The standard deviations by which the share may be off: chance exceeds them once in 10^10.
const SIGMAS: f64 = 6.5;
const SHARE: f64 = 0.2;
const HITS: u64 = 2_400;
const GIVEN_UP: u64 = 200;
const ERRORS: u64 = 60;
const WAITS: u64 = 20;
const SLOW_LOADS: u64 = 10;

struct Service {
    guard: Guard,
    /// Every span, before any is dropped.
    truth: InMemorySpanExporter,
}

impl Service {
    fn start(endpoint: &str) -> anyhow::Result<Self> {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
        ];
        let truth = InMemorySpanExporter::default();
        let guard = setup(&variables)
            .service_name("fleet.traces")
            .metric_exporters([])
            .span_processor(SimpleSpanProcessor::new(truth.clone()))
            .deadline(Duration::from_secs(30))
            .init()?;
        Ok(Self { guard, truth })
    }

    /// Makes successful, failing, slow and dropped requests, each in its own trace.
    fn works(&self) -> anyhow::Result<()> {
        let tracer = self.guard.tracer_provider().tracer("app");
        let telemetry = telemetry(&self.guard);
        let quick = cached("traces.quick", |n: u64| async move {
            tokio::task::yield_now().await;
            n
        });
        let quick = quick.telemetry(telemetry.clone()).build();
        let failing = try_cached("traces.failing", |_: u64| async { Err::<u64, _>(Refused) });
        let failing = failing.telemetry(telemetry.clone()).build();
        let slow = cached("traces.slow", |millis: u64| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            millis
        });
        let slow = slow.telemetry(telemetry).build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            for _ in 0..=HITS {
                in_a_trace(&tracer, quick.call(1)).await;
            }
            for n in 0..ERRORS {
                in_a_trace(&tracer, failing.try_call(n)).await.expect_err("it fails");
            }
            for n in 0..GIVEN_UP {
                let mut request = Box::pin(in_a_trace(&tracer, quick.call(1_000 + n)));
                let polled = request.poll_unpin(&mut std::task::Context::from_waker(Waker::noop()));
                anyhow::ensure!(matches!(polled, Poll::Pending), "nothing to give up");
            }
            // Of two requests for a key, one loads and one waits: longer than a long wait, shorter than a slow load.
            join_all((0..2 * WAITS).map(|n| in_a_trace(&tracer, slow.call(200 + n / 2)))).await;
            join_all((0..SLOW_LOADS).map(|n| in_a_trace(&tracer, slow.call(600 + n)))).await;
            anyhow::Ok(())
        })?;
        Ok(self.guard.flush()?)
    }

    fn traces(&self) -> anyhow::Result<BTreeMap<String, Vec<SpanData>>> {
        let mut traces: BTreeMap<String, Vec<SpanData>> = BTreeMap::new();
        for span in self.truth.get_finished_spans()? {
            traces.entry(span.span_context.trace_id().to_string()).or_default().push(span);
        }
        Ok(traces)
    }
}

/// The reason why its trace is always kept, in the words of the head of `tail-sampling.yaml`.
fn reason(span: &SpanData) -> Option<&'static str> {
    let attributes = attributes(span.attributes.iter());
    let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
    let has = |name: &str, wanted: &str| attributes.get(name).is_some_and(|value| value == wanted);
    let error = matches!(span.status, Status::Error { .. }) || attributes.contains_key("error.type");
    if error && !has("error.type", "cancelled") {
        Some("error")
    } else if has("cachescope.result", "coalesced") && took > Duration::from_millis(100) {
        Some("long wait")
    } else {
        let loads = attributes.contains_key("cachescope.load.trigger");
        (loads && took > Duration::from_millis(500)).then_some("slow load")
    }
}

/// The number of spans in the metrics of spans, by name.
fn calls(gateway: &Gateway, metric: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut calls = BTreeMap::new();
    for sample in series::samples(&gateway.page()?)?.iter().filter(|sample| sample.metric == metric) {
        if let (Value::Counter(value) | Value::Untyped(value), Some(name)) =
            (&sample.value, sample.labels.get("span_name"))
        {
            *calls.entry(name.to_owned()).or_default() += value;
        }
    }
    Ok(calls)
}

#[test]
fn errors_long_waits_and_slow_loads_are_kept_with_a_share_of_the_rest() -> anyhow::Result<()> {
    let files = ["gateway-aggregate.yaml", "span-metrics.yaml", "tail-sampling.yaml", "routes/file.yaml"];
    let gateway = Gateway::start(&files, &[("CACHESCOPE_DECISION_WAIT", "2s"), ("CACHESCOPE_TRACES_KEPT", "20")])?;
    let service = Service::start(gateway.server.url())?;
    service.works()?;
    let traces = service.traces()?;
    let decided = || gateway.own("otelcol_processor_tail_sampling_global_count_traces_sampled", |_| true);
    eventually("all decided", PATIENCE, decided, |decided| *decided == traces.len() as f64)?;

    let mut reasons: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    let mut rest = BTreeSet::new();
    for (id, spans) in &traces {
        match spans.iter().find_map(reason) {
            Some(reason) => reasons.entry(reason).or_default().insert(id),
            None => rest.insert(id),
        };
    }
    let sure: BTreeSet<_> = reasons.values().flatten().copied().collect();
    let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
    let read = || file::spans(gateway.files.path());
    let has_sure = |spans: &Vec<file::Line>| {
        let ids: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
        sure.is_subset(&ids)
    };
    let kept = eventually("what is kept for sure", PATIENCE, read, has_sure)?;
    for span in &kept {
        found.insert((span.trace_id.clone(), span.span_id.clone()));
    }
    let kept: BTreeSet<_> = kept.iter().map(|span| &span.trace_id).collect();
    for (id, spans) in traces.iter().filter(|(id, _)| kept.contains(id)) {
        expected.extend(spans.iter().map(|span| (id.clone(), span.span_context.span_id().to_string())));
    }
    assert_eq!(found, expected, "a kept trace is whole, and nothing else is there");

    let counts: BTreeMap<_, _> = reasons.iter().map(|(reason, ids)| (*reason, ids.len() as u64)).collect();
    let at_least = |reason: &str, count| counts.get(reason).is_some_and(|found| *found >= count);
    assert!(at_least("long wait", WAITS) && at_least("slow load", SLOW_LOADS), "{counts:?}");
    assert_eq!(counts.get("error"), Some(&ERRORS), "{counts:?}");
    assert!(rest.len() as u64 >= HITS + GIVEN_UP, "{} are the rest", rest.len());
    let (all, kept) = (rest.len() as f64, rest.intersection(&kept).count() as f64);
    println!("{counts:?} kept for sure, {kept} of the {all} others at {SHARE}");
    let bound = SIGMAS * (all * SHARE * (1.0 - SHARE)).sqrt();
    assert!((kept - all * SHARE).abs() <= bound, "{kept} of {all} at {SHARE}, within {bound}");

    let mut names: BTreeMap<String, f64> = BTreeMap::new();
    for span in traces.values().flatten() {
        *names.entry(span.name.to_string()).or_default() += 1.0;
    }
    for metric in ["traces_span_metrics_calls_total", "traces_span_metrics_duration_seconds_count"] {
        eventually(metric, PATIENCE, || calls(&gateway, metric), |found| *found == names)?;
    }
    println!("{names:?} in the metrics of spans");
    Ok(())
}
