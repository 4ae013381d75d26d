//! Spans of a cache: their parents, links and times, and the requests that have none.

use std::time::Duration;

use anyhow::Context as _;
use cachescope::{Cached, Clock, ManualClock, Moka, cached};
use cachescope_tests::sdk::{InMemory, attributes};
use cachescope_tests::setup::{setup, telemetry};
use futures_util::FutureExt;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    FutureExt as _, Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor, SpanData};

#[test]
fn hit_has_a_span_only_below_a_recording_span() {
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

/// A value whose clone takes 5 ms, by the cache's clock.
#[derive(Debug)]
struct Slow(ManualClock);

impl Clone for Slow {
    fn clone(&self) -> Self {
        self.0.advance(Duration::from_millis(5));
        Self(self.0.clone())
    }
}

#[test]
fn span_of_a_hit_has_the_start_and_duration_of_the_hit() {
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
    let start = clock.wall_time(clock.now());
    async { cache.call(1).await }.with_context(context).now_or_never().unwrap();
    let spans = sdk.spans().unwrap();
    let result = |span: &SpanData| attributes(span.attributes.iter()).remove("cachescope.result");
    let hit = spans.iter().find(|span| result(span).as_deref() == Some("hit")).unwrap();
    assert_eq!(hit.start_time, start);
    assert_eq!(hit.end_time.duration_since(hit.start_time).unwrap(), Duration::from_millis(5));
    assert_eq!((hit.name.as_ref(), hit.parent_span_id), ("cache.get traces.slow", root_id));
}

#[test]
fn ratio_sampling_changes_no_count() -> anyhow::Result<()> {
    const REQUESTS: u64 = 4_000;
    let exporter = InMemorySpanExporter::default();
    let variables = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25")];
    let setup = setup(&variables).trace_exporters([]).metric_exporters([]);
    let guard = setup.span_processor(SimpleSpanProcessor::new(exporter.clone())).init()?;
    let cache = cached("traces.ratio", |n: u64| async move { n }).telemetry(telemetry(&guard)).build();
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
async fn followers_link_to_the_load_and_hits_have_the_age_of_the_entry() -> anyhow::Result<()> {
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

    // A hit has the age of its entry. The refresh that it starts has its own trace, with a link to the hit's trace.
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

#[tokio::test]
async fn refresh_sees_baggage_of_its_request_in_a_trace_of_its_own() {
    const SECOND: Duration = Duration::from_secs(1);
    let sdk = InMemory::default();
    let tracer = sdk.traces.tracer("app");
    let (clock, hands) = Clock::manual();
    let load = |_: u64| async {
        let context = Context::current();
        let tenant = context.baggage().get("tenant").map(ToString::to_string);
        (tenant, context.span().span_context().trace_id())
    };
    let cache = cached("traces.baggage", load)
        .stale_after(100 * SECOND)
        .refresh_ahead(10 * SECOND)
        .clock(clock)
        .telemetry(sdk.telemetry())
        .build();
    let caller = |tenant: &'static str| {
        Context::new().with_baggage([KeyValue::new("tenant", tenant)]).with_span(tracer.start("request"))
    };
    let (first, second) = (caller("a"), caller("b"));
    cache.call(1).with_context(first.clone()).await;
    hands.advance(95 * SECOND);
    let trace = first.span().span_context().trace_id();
    assert_eq!(cache.call(1).with_context(second.clone()).await, (Some("a".to_owned()), trace));
    tokio::task::yield_now().await;
    let (tenant, trace) = cache.call(1).await;
    assert_eq!(tenant.as_deref(), Some("b"));
    assert!(trace != second.span().span_context().trace_id() && trace != TraceId::INVALID, "{trace}");
}
