//! The measured cases: a get from a bare store, and the same get through `cached(...)` with all telemetry enabled.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cachescope::store::{IntoStore, KeyEncoding, Store};
use cachescope::{Moka, QuickCache, cached};
use foldhash::fast::RandomState;
use futures_util::FutureExt;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

/// The number of requested keys. The cache holds all of them.
const KEYS: u64 = 1_000;
const CAPACITY: u32 = 10_000;

/// Makes the given number of hits.
pub(crate) type Run = Box<dyn FnMut(u64)>;

#[derive(Clone, Copy)]
pub(crate) enum Storage {
    Moka,
    QuickCache,
}

#[derive(Clone, Copy)]
pub(crate) enum Value {
    U64,
    Arc,
    String,
}

/// The way to access the store.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Bare,
    Cached,
    /// Through a cache with insight disabled.
    WithoutInsight,
}

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) storage: Storage,
    pub(crate) value: Value,
    pub(crate) access: Access,
    /// The number of concurrent threads. Each thread makes all hits of a run.
    pub(crate) threads: usize,
}

/// Installs an SDK with a metric reader and a sampler that records every span, so that all telemetry is enabled.
pub(crate) fn providers() -> (SdkMeterProvider, SdkTracerProvider) {
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default()).with_interval(Duration::from_secs(60));
    let meters = SdkMeterProvider::builder().with_reader(reader.build()).build();
    let traces = SdkTracerProvider::builder().with_simple_exporter(InMemorySpanExporter::default()).build();
    opentelemetry::global::set_meter_provider(meters.clone());
    opentelemetry::global::set_tracer_provider(traces.clone());
    (meters, traces)
}

impl Storage {
    pub(crate) const ALL: [Self; 2] = [Self::Moka, Self::QuickCache];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Moka => "moka",
            Self::QuickCache => "quick_cache",
        }
    }
}

impl Value {
    pub(crate) const ALL: [Self; 3] = [Self::U64, Self::Arc, Self::String];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U64 => "u64",
            Self::Arc => "arc",
            Self::String => "string",
        }
    }
}

impl Case {
    /// Returns all cases. Each bare store comes before its cached counterpart.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Storage::ALL.into_iter().flat_map(|storage| {
            Value::ALL.into_iter().flat_map(move |value| {
                [Access::Bare, Access::Cached].map(|access| Self { storage, value, access, threads: 1 })
            })
        })
    }

    /// Returns the name of the case, such as `moka-u64` or `cached-moka-u64`.
    pub(crate) fn name(self) -> String {
        let bare = format!("{}-{}", self.storage.name(), self.value.name());
        match self.access {
            Access::Bare => bare,
            Access::Cached => format!("cached-{bare}"),
            Access::WithoutInsight => format!("without-insight-{bare}"),
        }
    }

    /// Fills a cache with all keys, and returns a function that makes hits on it.
    pub(crate) fn prepare(self) -> Run {
        match self.value {
            Value::U64 => self.prepare_of(|key| key),
            Value::Arc => self.prepare_of(text_arc),
            Value::String => self.prepare_of(text),
        }
    }

    fn prepare_of<V: Clone + Send + Sync + 'static>(self, value: fn(u64) -> V) -> Run {
        match (self.access, self.storage) {
            (Access::Bare, Storage::Moka) => bare_moka(value),
            (Access::Bare, Storage::QuickCache) => bare_quick_cache(value),
            (Access::Cached | Access::WithoutInsight, Storage::Moka) => {
                self.through_cached(Moka::with_capacity(CAPACITY.into()), value)
            }
            (Access::Cached | Access::WithoutInsight, Storage::QuickCache) => {
                self.through_cached(QuickCache::with_capacity(CAPACITY.into()), value)
            }
        }
    }

    fn through_cached<V, C>(self, store: C, value: fn(u64) -> V) -> Run
    where
        V: Clone + Send + Sync + 'static,
        C: IntoStore<u64, V, Store: Store<u64, V, KeyEncoding: KeyEncoding<u64>>>,
    {
        let load = move |key: u64| async move { value(key) };
        let insight = !matches!(self.access, Access::WithoutInsight);
        let builder = cached(self.name(), load).store(store).stale_after(Duration::from_secs(3600)).insight(insight);
        let cache = builder.build();
        fill(|key| drop(cache.call(key).now_or_never()), |key| cache.invalidate(&key));
        // Runs the store's pending maintenance.
        let _ = cache.metrics().stats();
        let mut all_keys: Vec<_> = (0..self.threads).map(|_| keys()).collect();
        Box::new(move |hits| {
            let run = |keys: &mut dyn FnMut() -> u64| {
                let run = async {
                    for _ in 0..hits {
                        black_box(cache.call(keys()).await);
                    }
                };
                run.now_or_never();
            };
            match &mut all_keys[..] {
                [keys] => run(keys),
                all_keys => std::thread::scope(|scope| {
                    all_keys.iter_mut().for_each(|keys| drop(scope.spawn(|| run(keys))));
                }),
            }
        })
    }
}

fn text(key: u64) -> String {
    format!("a value of forty bytes, as many are {key:04}")
}

fn text_arc(key: u64) -> Arc<str> {
    text(key).into()
}

/// Stores all keys, and the same number of other keys that are removed again. Once an entry was removed from a moka
/// cache, its maintenance is permanently more expensive, because crossbeam's epochs keep passing on the rest of their
/// garbage.
fn fill(store: impl Fn(u64), remove: impl Fn(u64)) {
    (0..KEYS).for_each(&store);
    (KEYS..2 * KEYS).for_each(|key| {
        store(key);
        remove(key);
    });
}

/// Uses moka directly, with the same hasher as `cached`.
fn bare_moka<V: Clone + Send + Sync + 'static>(value: fn(u64) -> V) -> Run {
    let cache = moka::sync::Cache::builder().max_capacity(CAPACITY.into()).build_with_hasher(RandomState::default());
    fill(|key| cache.insert(key, value(key)), |key| cache.invalidate(&key));
    cache.run_pending_tasks();
    let mut keys = keys();
    Box::new(move |hits| {
        for _ in 0..hits {
            black_box(cache.get(&keys()));
        }
    })
}

/// Uses quick_cache directly, with the same hasher as `cached`.
fn bare_quick_cache<V: Clone + Send + Sync + 'static>(value: fn(u64) -> V) -> Run {
    let cache = quick_cache::sync::Cache::with(
        CAPACITY as usize,
        CAPACITY.into(),
        UnitWeighter,
        RandomState::default(),
        DefaultLifecycle::default(),
    );
    fill(|key| cache.insert(key, value(key)), |key| drop(cache.remove(&key)));
    let mut keys = keys();
    Box::new(move |hits| {
        for _ in 0..hits {
            black_box(cache.get(&keys()));
        }
    })
}

/// Returns keys in an order that isn't periodic within a batch: the high bits of a linear congruential generator.
fn keys() -> impl FnMut() -> u64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % KEYS
    }
}
