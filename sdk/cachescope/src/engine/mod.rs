//! One cache, shared by all clones of a `Cached`: from the lookup to the answer of a request.

pub(crate) mod admission;
pub(crate) mod background;
pub(crate) mod batch;
pub(crate) mod bounds;
#[cfg(feature = "get-size")]
pub(crate) mod deep_size;
pub(crate) mod error_cache;
pub(crate) mod freshness;
pub(crate) mod load;
pub(crate) mod load_limit;
pub(crate) mod loader;
pub(crate) mod loading;
pub(crate) mod lookup;
pub(crate) mod memory;
pub(crate) mod miss;
pub(crate) mod plan;
pub(crate) mod refresh;
pub(crate) mod respond;
pub(crate) mod single_flight;
pub(crate) mod tags;
pub(crate) mod view;
pub(crate) mod watch;
pub(crate) mod write;

use std::sync::{Arc, Weak};

use cachescope_core::{Clock, Store, TickerGuard};
use cachescope_telemetry::{CacheRegistration, Recorder};

use crate::engine::background::Background;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};
use crate::engine::loading::Loading;
use crate::engine::memory::Memory;
use crate::engine::tags::CountedTags;
use crate::engine::watch::Watch;
use crate::l2::SharedTier;
use crate::metrics::MetricsState;
use crate::telemetry::guards::GuardContext;
use crate::telemetry::spans::Spans;

/// One cache. `lookup` has the path of a hit, `miss` the path of every other request.
pub(crate) struct Engine<K, V, E, S> {
    pub(crate) memory: Memory<K, V, E, S>,
    /// The shared store (L2), if there is one.
    pub(crate) l2: Option<Arc<SharedTier<K, V>>>,
    pub(crate) loading: Loading<K, V, E>,
    pub(crate) watch: Watch<K>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) spans: Spans,
    pub(crate) clock: Clock,
    pub(crate) metrics_state: MetricsState,
    /// The names of tags in telemetry; `None` unless tags are exported.
    pub(crate) counted_tags: Option<CountedTags>,
    pub(crate) background: Background,
    /// For tasks in the background, which must not keep the cache alive before they run.
    pub(crate) this: Weak<Self>,
    /// Held only where entries expire or a store is shared: otherwise no hit and no time limit needs the coarse time.
    pub(crate) _ticking: Option<TickerGuard>,
    pub(crate) _registration: CacheRegistration,
}

impl<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>> Engine<K, V, E, S> {
    /// Returns the parts that the guards of requests and loads report to.
    pub(crate) fn guards(&self) -> GuardContext<'_> {
        GuardContext { recorder: &self.recorder, spans: &self.spans, clock: &self.clock }
    }

    /// Ends the current slice of the metrics history, if its time is over.
    pub(crate) fn turn(&self) {
        self.metrics_state.end_slice_if_due();
        self.watch.watcher.iter().for_each(|watcher| watcher.resume());
    }

    /// Ends the background work, and saves persisted metrics.
    pub(crate) async fn close(&self) {
        self.background.close().await;
        #[cfg(feature = "persist")]
        self.keep_metrics();
    }

    /// Saves persisted metrics.
    #[cfg(feature = "persist")]
    pub(crate) fn keep_metrics(&self) {
        self.metrics_state.save_or_log();
    }
}
