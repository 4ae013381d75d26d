//! What is measured: a get from bare moka, and the same through `cached(...)` with everything on.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cachescope::cached;
use foldhash::fast::RandomState;
use futures_util::FutureExt;
use moka::sync::Cache;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

/// Keys asked for, all of them held.
const KEYS: u64 = 1_000;

/// A run of so many hits.
pub(crate) type Run = Box<dyn FnMut(u64)>;

#[derive(Clone, Copy)]
pub(crate) enum Case {
    MokaU64,
    CachedU64,
    MokaArc,
    CachedArc,
    MokaString,
    CachedString,
}

/// "Everything on": an SDK with a reader and a sampler that takes every span.
pub(crate) fn providers() -> (SdkMeterProvider, SdkTracerProvider) {
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default()).with_interval(Duration::from_secs(60));
    let meters = SdkMeterProvider::builder().with_reader(reader.build()).build();
    let traces = SdkTracerProvider::builder().with_simple_exporter(InMemorySpanExporter::default()).build();
    opentelemetry::global::set_meter_provider(meters.clone());
    opentelemetry::global::set_tracer_provider(traces.clone());
    (meters, traces)
}

impl Case {
    pub(crate) const ALL: [Self; 6] =
        [Self::MokaU64, Self::CachedU64, Self::MokaArc, Self::CachedArc, Self::MokaString, Self::CachedString];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MokaU64 => "moka-u64",
            Self::CachedU64 => "cached-u64",
            Self::MokaArc => "moka-arc",
            Self::CachedArc => "cached-arc",
            Self::MokaString => "moka-string",
            Self::CachedString => "cached-string",
        }
    }

    /// A cache that holds every key, and a run of hits on it.
    pub(crate) fn prepare(self) -> Run {
        match self {
            Self::MokaU64 => bare(|key| key),
            Self::CachedU64 => through_cached("bench.u64", |key| key),
            Self::MokaArc => bare(text_arc),
            Self::CachedArc => through_cached("bench.arc", text_arc),
            Self::MokaString => bare(text),
            Self::CachedString => through_cached("bench.string", text),
        }
    }
}

fn text(key: u64) -> String {
    format!("a value of forty bytes, as many are {key:04}")
}

fn text_arc(key: u64) -> Arc<str> {
    text(key).into()
}

/// moka as one would use it by hand, with the hasher that `cached` uses.
fn bare<V: Clone + Send + Sync + 'static>(value: fn(u64) -> V) -> Run {
    let cache = Cache::builder().max_capacity(10_000).build_with_hasher(RandomState::default());
    (0..KEYS).for_each(|key| cache.insert(key, value(key)));
    cache.run_pending_tasks();
    let mut keys = keys();
    Box::new(move |hits| {
        for _ in 0..hits {
            black_box(cache.get(&keys()));
        }
    })
}

fn through_cached<V: Clone + Send + Sync + 'static>(name: &str, value: fn(u64) -> V) -> Run {
    let cache = cached(name, move |key: u64| async move { value(key) }).stale_after(Duration::from_secs(3600)).build();
    (0..KEYS).for_each(|key| drop(cache.call(key).now_or_never()));
    // Settles the store.
    let _ = cache.metrics().stats();
    let mut keys = keys();
    Box::new(move |hits| {
        let run = async {
            for _ in 0..hits {
                black_box(cache.call(keys()).await);
            }
        };
        run.now_or_never();
    })
}

/// Keys in an order that isn't periodic within a batch (an LCG's high bits).
fn keys() -> impl FnMut() -> u64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % KEYS
    }
}
