//! Runs of a cache over a trace.

use std::time::Duration;

use cachescope::insight::{HitRateCurve, TtlCurve};
use cachescope::store::{IntoStore, KeyEncoding, Store};
use cachescope::{Cached, Clock, Moka, QuickCache, Stats, cached};
use futures_util::FutureExt;

/// The stores whose policies are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Moka,
    QuickCache,
}

impl Storage {
    pub(crate) const ALL: [Self; 2] = [Self::Moka, Self::QuickCache];
}

/// A run: the store, its settings and the requests.
#[derive(Clone, Copy)]
pub(crate) struct Feed<'a> {
    pub(crate) storage: Storage,
    pub(crate) capacity: u64,
    pub(crate) ttl: Option<Duration>,
    /// Whether insight is on.
    pub(crate) insight: bool,
    pub(crate) keys: &'a [u64],
}

/// The results of a run.
pub(crate) struct Fed {
    pub(crate) stats: Stats,
    pub(crate) curve: Option<HitRateCurve>,
    pub(crate) ttl_curve: Option<TtlCurve>,
}

impl Fed {
    pub(crate) fn hit_rate(&self) -> f64 {
        self.stats.hit_rate().expect("requests")
    }
}

impl Feed<'_> {
    /// Makes a request every millisecond, by the cache's clock.
    pub(crate) fn run(self) -> Fed {
        match self.storage {
            Storage::Moka => self.through(Moka::with_capacity(self.capacity)),
            Storage::QuickCache => self.through(QuickCache::with_capacity(self.capacity)),
        }
    }

    fn through<C>(self, store: C) -> Fed
    where
        C: IntoStore<u64, u64, Store: Store<u64, u64, KeyEncoding: KeyEncoding<u64>>>,
    {
        let (clock, hands) = Clock::manual();
        let mut builder = cached("insight.fed", |key: u64| async move { key }).clock(clock).insight(self.insight);
        if let Some(ttl) = self.ttl {
            builder = builder.stale_after(ttl);
        }
        let cache: Cached<_, _, _, _> = builder.store(store).build();
        for key in self.keys {
            hands.advance(Duration::from_millis(1));
            assert_eq!(cache.call(*key).now_or_never(), Some(*key));
        }
        let insight = cache.insight();
        Fed { stats: cache.metrics().stats(), curve: insight.curve(), ttl_curve: insight.ttl_curve() }
    }
}
