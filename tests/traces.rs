//! A cache's spans stand where a reader looks for them, and only where they matter.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cachescope::otel::Setup;
use cachescope::{Cached, Clock, ClockHands, Moka, Telemetry, cached};
use cachescope_stack::{Stack, Trace};
use cachescope_tests::exported::{InMemory, attributes};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{
    FutureExt as _, Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry_sdk::trace::SpanData;
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
fn jaeger_shows_one_trace_with_the_users_spans_around_and_inside_ours() -> anyhow::Result<()> {
    let stack: Arc<Stack> = Stack::shared()?;
    let endpoint = stack.collector().otlp_http().to_owned();
    let guard = Setup::from_lookup(move |name| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| endpoint.clone()))
        .service_name("traces-nesting")
        .metric_exporters([])
        .install_globals(false)
        .init()?;
    let tracer = guard.tracer_provider().tracer("app");
    let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer.clone()));
    let telemetry = Telemetry::new(guard.meter_provider().clone(), guard.tracer_provider().clone());
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
    .telemetry(telemetry)
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

#[test]
fn a_plain_hit_has_a_span_only_where_the_current_one_records() {
    let sdk = InMemory::default();
    let cache = cached("traces.hit", |n: u64| async move { n }).telemetry(sdk.telemetry()).build();
    cache.call(1).now_or_never();
    let spans = || sdk.spans().unwrap().len();
    assert_eq!(spans(), 2, "of the miss");

    for _ in 0..10_000 {
        cache.call(1).now_or_never();
    }
    assert_eq!(spans(), 2, "a hit outside any span");

    let unsampled =
        SpanContext::new(TraceId::from(1), SpanId::from(1), TraceFlags::default(), true, TraceState::default());
    let context = Context::new().with_remote_span_context(unsampled);
    let in_unsampled = async {
        for n in 0..10_000 {
            cache.call(1 + n % 2).await;
        }
    };
    in_unsampled.with_context(context).now_or_never().unwrap();
    assert_eq!(spans(), 2, "hits and a miss under an unsampled parent");

    let root = sdk.traces.tracer("app").start("root");
    let context = Context::new().with_span(root);
    async { cache.call(1).await }.with_context(context).now_or_never().unwrap();
    assert_eq!(spans(), 4, "root and hit");
}

/// A value that takes its time to be cloned, by the cache's clock.
#[derive(Debug)]
struct Slow(ClockHands);

impl Clone for Slow {
    fn clone(&self) -> Self {
        self.0.advance(Duration::from_millis(5));
        Self(self.0.clone())
    }
}

#[test]
fn a_hits_span_is_made_after_the_fact_with_its_true_start_and_duration() {
    let sdk = InMemory::default();
    let (clock, hands) = Clock::manual();
    let slow = Slow(hands.clone());
    let cache: Cached<u64, Slow> = cached("traces.slow", move |_: u64| {
        let slow = Slow(slow.0.clone());
        async move { slow }
    })
    .store(Moka::with_capacity(10))
    .clock(clock.clone())
    .telemetry(sdk.telemetry())
    .build();
    cache.call(1).now_or_never();
    hands.advance(Duration::from_secs(60));

    let root = sdk.traces.tracer("app").start("root");
    let root_id = root.span_context().span_id();
    let context = Context::new().with_span(root);
    let start = clock.wall(clock.now());
    async { cache.call(1).await }.with_context(context).now_or_never().unwrap();
    let spans = sdk.spans().unwrap();
    let result = |span: &SpanData| attributes(span.attributes.iter()).remove("cachescope.result");
    let hit = spans.iter().find(|span| result(span).as_deref() == Some("hit")).unwrap();
    assert_eq!(hit.start_time, start);
    assert_eq!(hit.end_time.duration_since(hit.start_time).unwrap(), Duration::from_millis(5));
    assert_eq!((hit.name.as_ref(), hit.parent_span_id), ("cache.get traces.slow", root_id));
}

#[test]
fn sampling_by_ratio_leaves_counts_untouched() -> anyhow::Result<()> {
    const REQUESTS: u64 = 4_000;
    let exporter = opentelemetry_sdk::trace::InMemorySpanExporter::default();
    let guard = Setup::from_lookup(|name| match name {
        "OTEL_TRACES_SAMPLER" => Some("parentbased_traceidratio".to_owned()),
        "OTEL_TRACES_SAMPLER_ARG" => Some("0.25".to_owned()),
        _ => None,
    })
    .trace_exporters([])
    .metric_exporters([])
    .span_processor(opentelemetry_sdk::trace::SimpleSpanProcessor::new(exporter.clone()))
    .install_globals(false)
    .init()?;
    let telemetry = Telemetry::new(guard.meter_provider().clone(), guard.tracer_provider().clone());
    let cache = cached("traces.ratio", |n: u64| async move { n }).telemetry(telemetry).build();
    let tracer = guard.tracer_provider().tracer("app");
    for n in 0..REQUESTS {
        let request = Context::new().with_span(tracer.start("request"));
        async { cache.call(n % 1_000).await }.with_context(request).now_or_never();
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.misses()), (3_000, 1_000));

    let spans = exporter.get_finished_spans()?;
    let gets = spans.iter().filter(|span| span.name.starts_with("cache.get")).count();
    let requests = spans.iter().filter(|span| span.name == "request").count();
    assert_eq!(gets, requests, "each sampled request has its span, no other has");
    // Binomial with p = 0.25: mean 1,000, standard deviation 27; six of them either way.
    assert!((836..=1_164).contains(&gets), "{gets} of {REQUESTS} at 0.25");
    Ok(())
}

#[tokio::test]
async fn who_waited_is_linked_to_the_load_that_answered_and_an_entry_s_age_is_told() -> anyhow::Result<()> {
    let sdk = InMemory::default();
    let (clock, hands) = Clock::manual();
    let load = |n: u64| async move {
        tokio::task::yield_now().await;
        n
    };
    let builder =
        cached("traces.links", load).stale_after(Duration::from_secs(10)).refresh_ahead(Duration::from_secs(2));
    let cache = builder.clock(clock).telemetry(sdk.telemetry()).build();
    assert_eq!(tokio::join!(cache.call(1), cache.call(1)), (1, 1));
    let spans = sdk.spans()?;
    let load = spans.iter().find(|span| span.name == "cache.load traces.links").context("a load")?;
    let result = |span: &SpanData, name: &str| attributes(span.attributes.iter()).remove(name);
    let follower = spans.iter().find(|span| result(span, "cachescope.result").as_deref() == Some("coalesced"));
    let links = |span: &SpanData| span.links.iter().map(|link| link.span_context.clone()).collect::<Vec<_>>();
    assert_eq!(links(follower.context("a follower")?), std::slice::from_ref(&load.span_context));

    // A hit of an aging entry tells its age, and the load that it asked for is a trace of its own, linked to it.
    hands.advance(Duration::from_millis(8_250));
    let root = sdk.traces.tracer("app").start("root");
    let asker = root.span_context().clone();
    async { cache.call(1).await }.with_context(Context::new().with_span(root)).await;
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    let spans = sdk.spans()?;
    let hit = spans.iter().find(|span| result(span, "cachescope.result").as_deref() == Some("hit")).context("a hit")?;
    assert_eq!(result(hit, "cachescope.entry.age").as_deref(), Some("8.25"));
    let refresh = spans.iter().find(|span| result(span, "cachescope.load.trigger").as_deref() == Some("refresh"));
    let refresh = refresh.context("a refresh")?;
    assert_eq!(links(refresh), std::slice::from_ref(&asker));
    assert_ne!(refresh.span_context.trace_id(), asker.trace_id());
    assert_eq!(refresh.parent_span_id, SpanId::INVALID);
    Ok(())
}
