//! One run of a trace through a cache.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cachescope::{Cached, Clock, ClockHands, HitTiming, Moka, QuickCache, Store, cached};

use crate::args::Args;
use crate::key::Key;
use crate::predicted::Predicted;
use crate::setting::{Limit, Setting, StoreKind};
use crate::timeline::Timeline;
use crate::trace::{Access, Trace};

/// Which hits are timed, and count for hot keys. By default that goes by the clock, which moves in steps here, and is
/// one in 512: too few to tell the hot keys of a short trace. This costs a hit a few nanoseconds more.
const TIMED: HitTiming = HitTiming::OneIn(32);

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) requests: u64,
    pub(crate) hits: u64,
    /// From the first request to the last, by the trace's time.
    pub(crate) lasted: Duration,
    /// What the requests took, without reading the trace.
    pub(crate) spent: Duration,
    /// What all of it took.
    pub(crate) took: Duration,
    pub(crate) predicted: Predicted,
}

impl Run {
    /// Reads the trace from its beginning, through a new cache, which predicts something only with insight.
    pub(crate) async fn of(args: &Args, setting: &Setting, insight: bool) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let trace = Trace::open(&args.trace, args.format, Timeline::new(args.pace, setting.step()))?;
        let (clock, hands) = Clock::manual();
        // What is cached doesn't matter: a trace says what was asked for, and never what was answered.
        let mut builder = cached("replay", |_: Key| async {}).clock(clock).hit_timing(TIMED);
        builder = builder.insight(insight).name_hot_keys(Key::to_string);
        if let Some(ttl) = setting.ttl {
            builder = builder.stale_after(ttl);
        }
        let size_of = |key: &Key, (): &()| key.size as usize;
        let run = match (setting.store, setting.limit) {
            (StoreKind::Moka, Limit::Entries(entries)) => {
                feed(&builder.store(Moka::with_capacity(entries)).try_build()?, &hands, trace).await
            }
            (StoreKind::QuickCache, Limit::Entries(entries)) => {
                feed(&builder.store(QuickCache::with_capacity(entries)).try_build()?, &hands, trace).await
            }
            (_, Limit::Bytes(_)) if !trace.has_sizes() => {
                anyhow::bail!("--byte-limit needs sizes: it takes a CSV with a column `size`, or a --capacity instead")
            }
            (StoreKind::Moka, Limit::Bytes(bytes)) => {
                feed(&builder.store(Moka::with_byte_limit(bytes, size_of)).try_build()?, &hands, trace).await
            }
            (StoreKind::QuickCache, Limit::Bytes(bytes)) => {
                feed(&builder.store(QuickCache::with_byte_limit(bytes, size_of)).try_build()?, &hands, trace).await
            }
        };
        Ok(Self { took: begun.elapsed(), ..run? })
    }

    /// From 0 to 1.
    pub(crate) fn hit_rate(&self) -> f64 {
        self.hits as f64 / self.requests as f64
    }

    pub(crate) fn cost_ns_per_request(&self) -> f64 {
        self.spent.as_nanos() as f64 / self.requests as f64
    }
}

async fn feed<S>(cache: &Cached<Key, (), Infallible, S>, hands: &ClockHands, mut trace: Trace) -> anyhow::Result<Run>
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
                hands.advance(after);
            }
            cache.call(key).await;
        }
        spent += begun.elapsed();
    }
    let stats = cache.metrics().stats();
    let (requests, hits, lasted) = (stats.requests(), stats.hits(), trace.lasts());
    ensure!(requests > 0, "the trace asks for nothing");
    let predicted = Predicted::by(&cache.insight(), lasted);
    Ok(Run { requests, hits, lasted, spent, took: Duration::ZERO, predicted })
}
