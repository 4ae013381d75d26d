//! The spans of a cache and of the program are one trace in a real Jaeger.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cachescope::{Cached, cached};
use cachescope_harness::{Stack, Trace};
use cachescope_tests::setup::{setup, telemetry};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt, Tracer, TracerProvider};
use tracing_subscriber::layer::SubscriberExt;

const PATIENCE: Duration = Duration::from_secs(30);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[tracing::instrument(skip_all)]
async fn handler(cache: Cached<u64, u64>) -> (u64, u64) {
    (cache.call(1).await, cache.call(1).await)
}

#[test]
fn jaeger_shows_one_trace_with_spans_of_the_program_around_and_inside_those_of_the_cache() -> anyhow::Result<()> {
    let stack: Arc<Stack> = Stack::shared()?;
    let guard = setup(&[("OTEL_EXPORTER_OTLP_ENDPOINT", stack.collector().otlp_http())])
        .service_name("traces-nesting")
        .metric_exporters([])
        .init()?;
    let tracer = guard.tracer_provider().tracer("app");
    let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer.clone()));
    let cache: Cached<u64, u64> = cached("user.by_id", move |id: u64| {
        let tracer = tracer.clone();
        async move {
            let query = async {
                tokio::task::yield_now().await;
                let select = tracer.start("select");
                async { tokio::task::yield_now().await }.with_context(Context::current_with_span(select)).await;
            };
            tracing::Instrument::instrument(query, tracing::info_span!("query")).await;
            id
        }
    })
    .telemetry(telemetry(&guard))
    .build();
    tracing::subscriber::with_default(subscriber, || block_on(handler(cache)));
    guard.flush()?;

    let complete = |traces: &[Trace]| traces.iter().any(|trace| trace.spans.len() == 6);
    let traces = stack.jaeger().eventually("traces-nesting", PATIENCE, complete)?;
    assert_eq!(traces.len(), 1, "{traces:#?}");
    let id = |name: &str| traces[0].named(name).next().map(|span| span.span_id.clone());
    let parent = |name: &str| traces[0].named(name).next().and_then(|span| span.parent_id.clone());
    assert_eq!(parent("handler"), None);
    let gets: Vec<_> = traces[0].named("cache.get user.by_id").collect();
    assert_eq!(gets.iter().map(|get| get.tags["cachescope.result"].as_str()).collect::<Vec<_>>(), ["miss", "hit"]);
    assert!(gets.iter().all(|get| get.parent_id == id("handler")), "{traces:#?}");
    assert_eq!(parent("cache.load user.by_id").as_ref(), Some(&gets[0].span_id));
    assert_eq!(parent("query"), id("cache.load user.by_id"));
    assert_eq!(parent("select"), id("query"));
    Ok(())
}
