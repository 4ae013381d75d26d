//! One run of a trace through a cache.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cachescope::metrics::HitTiming;
use cachescope::store::Store;
use cachescope::{Cached, Clock, ManualClock, Moka, QuickCache, cached};

use crate::args::Args;
use crate::config::{CacheConfig, Limit, StoreKind};
use crate::key::Key;
use crate::predictions::Predictions;
use crate::timeline::Timeline;
use crate::trace::{Access, Trace};

/// The share of hits that are timed, and counted for hot keys. The default is one in 512 and depends on the clock,
/// which moves in steps here: too few to find the hot keys of a short trace. One in 32 costs a hit a few nanoseconds
/// more.
const TIMED: HitTiming = HitTiming::OneIn(32);

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) requests: u64,
    pub(crate) hits: u64,
    /// The time of the trace, from the first request to the last.
    pub(crate) lasted: Duration,
    /// Wall time of the requests, without reading the trace.
    pub(crate) spent: Duration,
    /// Wall time of the run.
    pub(crate) took: Duration,
    pub(crate) predictions: Predictions,
}

impl Run {
    /// Replays the whole trace through a new cache. The cache makes predictions only if `insight` is true.
    pub(crate) async fn new(args: &Args, config: &CacheConfig, insight: bool) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let trace = Trace::open(&args.trace, args.format, Timeline::new(args.pace, config.step()))?;
        let (clock, manual_clock) = Clock::manual();
        // A trace has keys and no values, so the cache stores `()`.
        let mut builder = cached("replay", |_: Key| async {}).clock(clock).hit_timing(TIMED);
        builder = builder.insight(insight).hot_key_names(Key::to_string);
        if let Some(ttl) = config.ttl {
            builder = builder.stale_after(ttl);
        }
        let size_of = |key: &Key, (): &()| key.size as usize;
        let run = match (config.store, config.limit) {
            (StoreKind::Moka, Limit::Entries(entries)) => {
                feed(&builder.store(Moka::with_capacity(entries)).try_build()?, &manual_clock, trace).await
            }
            (StoreKind::QuickCache, Limit::Entries(entries)) => {
                feed(&builder.store(QuickCache::with_capacity(entries)).try_build()?, &manual_clock, trace).await
            }
            (_, Limit::Bytes(_)) if !trace.has_sizes() => {
                anyhow::bail!("--byte-limit needs sizes: it takes a CSV with a column `size`, or a --capacity instead")
            }
            (StoreKind::Moka, Limit::Bytes(bytes)) => {
                feed(&builder.store(Moka::with_byte_limit(bytes, size_of)).try_build()?, &manual_clock, trace).await
            }
            (StoreKind::QuickCache, Limit::Bytes(bytes)) => {
                feed(&builder.store(QuickCache::with_byte_limit(bytes, size_of)).try_build()?, &manual_clock, trace)
                    .await
            }
        };
        Ok(Self { took: begun.elapsed(), ..run? })
    }

    /// The hit rate, from 0 to 1.
    pub(crate) fn hit_rate(&self) -> f64 {
        self.hits as f64 / self.requests as f64
    }

    pub(crate) fn cost_ns_per_request(&self) -> f64 {
        self.spent.as_nanos() as f64 / self.requests as f64
    }
}

async fn feed<S>(
    cache: &Cached<Key, (), Infallible, S>,
    manual_clock: &ManualClock,
    mut trace: Trace,
) -> anyhow::Result<Run>
where
    S: Store<Key, ()>,
{
    let (mut batch, mut spent) = (Vec::new(), Duration::ZERO);
    loop {
        trace.read(&mut batch)?;
        if batch.is_empty() {
            break;
        }
        let begun = Instant::now();
        for Access { key, after } in batch.drain(..) {
            if !after.is_zero() {
                manual_clock.advance(after);
            }
            cache.call(key).await;
        }
        spent += begun.elapsed();
    }
    let stats = cache.metrics().stats();
    let (requests, hits, lasted) = (stats.requests(), stats.hits(), trace.lasts());
    ensure!(requests > 0, "the trace has no requests");
    let predictions = Predictions::new(&cache.insight(), lasted);
    Ok(Run { requests, hits, lasted, spent, took: Duration::ZERO, predictions })
}
