//! The first span of a trace summarises all cache requests of the trace in this process, exactly.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use cachescope::otel::{CacheSampler, TraceSummaryProcessor};
use cachescope::{Cached, Clock, ManualClock, Moka, Telemetry, cached};
use cachescope_telemetry::trace_summary;
use cachescope_tests::sdk::attributes;
use cachescope_tests::setup::{setup, telemetry};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{
    FutureExt as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracerProvider, SimpleSpanProcessor, TracerProviderBuilder,
};
use tokio::sync::Semaphore;

/// The time of each load, by the cache's clock.
const LOAD: Duration = Duration::from_millis(40);

/// A provider with the span processor of summaries, and its exporter.
struct Traces {
    provider: SdkTracerProvider,
    exporter: InMemorySpanExporter,
}

impl Traces {
    fn with(builder: TracerProviderBuilder) -> Self {
        let exporter = InMemorySpanExporter::default();
        let processor = TraceSummaryProcessor::new(SimpleSpanProcessor::new(exporter.clone()));
        Self { provider: builder.with_span_processor(processor).build(), exporter }
    }

    fn telemetry(&self) -> Telemetry {
        Telemetry::new(SdkMeterProvider::builder().build(), self.provider.clone())
    }

    /// Returns a context in which a span of this name is active.
    fn root(&self, name: &'static str) -> Context {
        self.below(name, &Context::new())
    }

    fn below(&self, name: &'static str, parent: &Context) -> Context {
        parent.with_span(self.provider.tracer("app").start_with_context(name, parent))
    }

    /// The summary in the one span of this name: requests, hits, loads, time waited and saved.
    fn summary(&self, name: &str) -> Option<[String; 5]> {
        summary(&self.exporter, name)
    }
}

fn summary(exporter: &InMemorySpanExporter, name: &str) -> Option<[String; 5]> {
    let spans = exporter.get_finished_spans().expect("not shut down");
    let mut named = spans.iter().filter(|span| span.name == name);
    let (span, more) = (named.next().expect("it has ended"), named.next());
    assert!(more.is_none(), "several spans are called {name}");
    let said = attributes(span.attributes.iter());
    let said = ["requests", "hits", "loads", "wait.time", "saved.time"]
        .map(|name| said.get(&format!("cachescope.trace.{name}")).cloned());
    assert!(said.iter().all(Option::is_some) || said.iter().all(Option::is_none), "{said:?}");
    said.iter().all(Option::is_some).then(|| said.map(Option::unwrap_or_default))
}

fn numbers(requests: u64, hits: u64, loads: u64, waited: f64, saved: f64) -> Option<[String; 5]> {
    Some([requests.to_string(), hits.to_string(), loads.to_string(), format!("{waited}"), format!("{saved}")])
}

/// A cache whose loads take [`LOAD`], by its clock.
fn slow(name: &str, telemetry: Telemetry) -> Cached<u64, u64> {
    let (clock, hands) = Clock::manual();
    let load = move |key: u64| {
        hands.advance(LOAD);
        async move { key }
    };
    cached(name, load).clock(clock).telemetry(telemetry).build()
}

/// A cache whose loads wait for a permit each.
fn held(name: &str, telemetry: Telemetry) -> (Cached<u64, u64>, ManualClock, Arc<Semaphore>) {
    let (clock, hands) = Clock::manual();
    let gate = Arc::new(Semaphore::new(0));
    let load = {
        let gate = Arc::clone(&gate);
        move |key: u64| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.expect("never closed").forget();
                key
            }
        }
    };
    (cached(name, load).clock(clock).telemetry(telemetry).build(), hands, gate)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

async fn let_others_run() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn summary_counts_hits_a_load_and_a_wait_of_two_tasks_with_the_default_set_up() {
    let exporters = [InMemorySpanExporter::default(), InMemorySpanExporter::default()];
    let guard = setup(&[])
        .trace_exporters([])
        .metric_exporters([])
        .span_processor(SimpleSpanProcessor::new(exporters[0].clone()))
        .span_processor(SimpleSpanProcessor::new(exporters[1].clone()))
        .init()
        .unwrap();
    let (cache, hands, gate) = held("roll_up.tasks", telemetry(&guard));
    let tracer = guard.tracer_provider().tracer("app");
    block_on(async {
        let root = Context::new().with_span(tracer.start_with_context("page", &Context::new()));
        let part = |name: &'static str| {
            let cache = cache.clone();
            let within = root.with_span(tracer.start_with_context(name, &root));
            let part = async move { (cache.call(1).await, cache.call(1).await, cache.call(1).await) };
            tokio::spawn(part.with_context(within))
        };
        let (leads, follows) = (part("leads"), part("follows"));
        let_others_run().await;
        hands.advance(LOAD);
        gate.add_permits(1);
        assert_eq!((leads.await.unwrap(), follows.await.unwrap()), ((1, 1, 1), (1, 1, 1)));
    });
    for exporter in &exporters {
        assert_eq!(summary(exporter, "page"), numbers(6, 4, 1, 0.08, 0.16));
        assert_eq!(
            [summary(exporter, "leads"), summary(exporter, "follows")],
            [None, None],
            "only the first span has a summary"
        );
    }
}

#[test]
fn trace_without_requests_has_no_summary() {
    let traces = Traces::with(SdkTracerProvider::builder());
    let cache = slow("roll_up.none", traces.telemetry());
    drop(traces.below("below", &traces.root("quiet")));
    // This request begins its own trace.
    cache.call(1).now_or_never();
    assert_eq!((traces.summary("quiet"), traces.summary("cache.get roll_up.none")), (None, None));
}

#[test]
fn unsampled_trace_keeps_no_state() {
    let traces = Traces::with(SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff));
    let cache = slow("roll_up.off", traces.telemetry());
    let root = traces.root("page");
    let key = root.span().span_context().into();
    async { (cache.call(1).await, cache.call(1).await, cache.call(2).await) }.with_context(root).now_or_never();
    assert_eq!(trace_summary::root_ended(key), None, "it never began");
    assert_eq!(traces.exporter.get_finished_spans().unwrap(), []);
}

#[test]
fn concurrent_calls_of_one_remote_trace_have_separate_summaries() {
    let traces = Traces::with(SdkTracerProvider::builder());
    let cache = slow("roll_up.remote", traces.telemetry());
    let remote = SpanContext::new(TraceId::from(7), SpanId::from(7), TraceFlags::SAMPLED, true, TraceState::default());
    let remote = Context::new().with_remote_span_context(remote);
    let (one, other) = (traces.below("one", &remote), traces.below("other", &remote));
    let ask = |context: &Context, keys: &[u64]| {
        let asked = async {
            for key in keys {
                cache.call(*key).await;
            }
        };
        asked.with_context(context.clone()).now_or_never().unwrap();
    };
    ask(&one, &[1, 1]);
    let below = traces.below("below the other", &other);
    ask(&below, &[1, 1, 2]);
    drop(below);
    ask(&one, &[1, 2]);
    drop(one);
    ask(&other, &[1]);
    drop(other);
    assert_eq!(traces.summary("one"), numbers(4, 3, 1, 0.04, 0.12));
    assert_eq!(traces.summary("other"), numbers(4, 3, 1, 0.04, 0.12));
    assert_eq!(traces.summary("below the other"), None);
}

#[test]
fn concurrent_traces_have_separate_summaries() {
    const TRACES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
    let traces = Traces::with(SdkTracerProvider::builder());
    let cache = slow("roll_up.many", traces.telemetry());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        cache.call(0).await;
        let of_trace = |(number, name): (usize, &'static str)| {
            let (cache, root) = (cache.clone(), traces.root(name));
            let parts = (0..4).map(move |_| {
                let cache = cache.clone();
                let part = async move {
                    for _ in 0..=number {
                        cache.call(0).await;
                        tokio::task::yield_now().await;
                    }
                };
                tokio::spawn(part.with_context(root.clone()))
            });
            parts.collect::<Vec<_>>()
        };
        let parts: Vec<_> = TRACES.into_iter().enumerate().flat_map(of_trace).collect();
        for part in parts {
            part.await.unwrap();
        }
    });
    for (number, name) in TRACES.into_iter().enumerate() {
        let hits = 4 * (number as u64 + 1);
        assert_eq!(traces.summary(name), numbers(hits, hits, 0, 0.0, (LOAD * hits as u32).as_secs_f64()), "{name}");
    }
}

#[test]
fn requests_within_a_load_are_counted_and_its_time_once_with_any_sampler() {
    let sampler = CacheSampler::new(&"miss=0,other=0".parse().unwrap()).unwrap();
    let (all, few) = (SdkTracerProvider::builder(), SdkTracerProvider::builder().with_sampler(sampler));
    for (builder, spans) in [(all, 7), (few, 1)] {
        let traces = Traces::with(builder);
        let (clock, hands) = Clock::manual();
        let inner_hands = hands.clone();
        let inner = move |key: u64| {
            inner_hands.advance(LOAD);
            async move { key }
        };
        let inner = cached("roll_up.inner", inner).clock(clock.clone()).telemetry(traces.telemetry()).build();
        let outer = move |key: u64| {
            hands.advance(LOAD);
            let inner = inner.clone();
            async move { (inner.call(key).await, inner.call(key).await) }
        };
        let outer = cached("roll_up.outer", outer).store(Moka::with_capacity(10)).clock(clock);
        let outer = outer.telemetry(traces.telemetry()).build();
        async { (outer.call(1).await, outer.call(1).await) }.with_context(traces.root("page")).now_or_never().unwrap();
        // The time of the outer load includes both, and an outer hit saves both.
        assert_eq!(traces.summary("page"), numbers(4, 2, 2, 0.08, 0.12));
        assert_eq!(traces.exporter.get_finished_spans().unwrap().len(), spans);
    }
}

#[test]
fn batch_counts_the_time_of_its_load_once() {
    let traces = Traces::with(SdkTracerProvider::builder());
    let (clock, hands) = Clock::manual();
    let cache = cached("roll_up.batch", |key: u64| async move { key }).clock(clock).telemetry(traces.telemetry());
    let load = move |keys: Vec<u64>| {
        hands.advance(LOAD);
        async move { keys.into_iter().map(|key| (key, key)).collect::<HashMap<_, _>>() }
    };
    let cache = cache.batch_load(load).build();
    let asked = async { (cache.get_many([1, 2, 3, 4]).await.len(), cache.get_many([1, 2, 3, 4]).await.len()) };
    assert_eq!(asked.with_context(traces.root("page")).now_or_never(), Some((4, 4)));
    // The value of each key took a quarter of the one load.
    assert_eq!(traces.summary("page"), numbers(8, 4, 1, 0.04, 0.04));
}

#[test]
fn dropped_request_counts_its_wait_and_a_detached_load_is_counted_once() {
    for goes_on in [false, true] {
        let traces = Traces::with(SdkTracerProvider::builder());
        let (clock, hands) = Clock::manual();
        let cache = cached("roll_up.dropped", |key: u64| async move {
            tokio::task::yield_now().await;
            key
        });
        let cache = cache.clock(clock).telemetry(traces.telemetry()).finish_cancelled_loads(goes_on).build();
        block_on(async {
            let root = traces.root("page");
            {
                let mut request = pin!(async { cache.call(1).await }.with_context(root.clone()));
                assert!(request.poll_unpin(&mut std::task::Context::from_waker(Waker::noop())).is_pending());
                hands.advance(LOAD);
            }
            hands.advance(LOAD);
            let_others_run().await;
        });
        assert_eq!(traces.summary("page"), numbers(1, 0, 1, 0.04, 0.0), "goes on: {goes_on}");
    }
}

#[test]
fn refresh_has_its_own_trace_with_a_summary() {
    let traces = Traces::with(SdkTracerProvider::builder());
    let inner = slow("roll_up.below", traces.telemetry());
    let (clock, hands) = Clock::manual();
    let load = move |key: u64| {
        let inner = inner.clone();
        async move { inner.call(key).await }
    };
    let minute = Duration::from_secs(60);
    let cache = cached("roll_up.renewed", load).stale_after(minute).serve_stale_for(minute);
    let cache = cache.clock(clock).telemetry(traces.telemetry()).build();
    block_on(async {
        async { cache.call(1).await }.with_context(traces.root("first")).await;
        hands.advance(minute);
        async { cache.call(1).await }.with_context(traces.root("second")).await;
        let_others_run().await;
    });
    assert_eq!(traces.summary("first"), numbers(2, 0, 2, 0.0, 0.0), "by the outer cache's clock no time passes");
    assert_eq!(traces.summary("second"), numbers(1, 1, 0, 0.0, 0.0));
    let spans = traces.exporter.get_finished_spans().unwrap();
    let refresh = spans.iter().find(|span| {
        attributes(span.attributes.iter()).get("cachescope.load.trigger").is_some_and(|trigger| trigger == "refresh")
    });
    let said = attributes(refresh.unwrap().attributes.iter());
    let said = ["cachescope.trace.requests", "cachescope.trace.saved.time"].map(|name| said[name].as_str());
    assert_eq!(said, ["1", "0.04"]);
}
