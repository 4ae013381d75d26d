//! Why requests missed, beside one who remembers everything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cachescope::{Event, Identity, IntoStore, MissReason, Moka, Naming, Observer, QuickCache, Store, cached};
use futures_util::FutureExt;

use crate::fed::Storage;
use crate::overheard::{Oracle, Overheard};
use crate::trace::{self, Trace};

/// Notes why the last request missed that did.
#[derive(Clone, Debug, Default)]
struct Reasons(Arc<Mutex<Option<MissReason>>>);

impl Observer for Reasons {
    fn observe(&self, _: &Identity, event: Event) {
        if let Event::Request { ending, .. } = event {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ending.reason;
        }
    }
}

/// Misses by what they were and what they were told to be.
type Confusion = BTreeMap<(MissReason, MissReason), u64>;

/// Feeds a trace in which one request in a hundred drops its key instead, and some values aren't kept.
fn confusion(storage: Storage, capacity: u64, trace: &Trace) -> Confusion {
    match storage {
        Storage::Moka => confusion_of(Moka::with_capacity(capacity), trace),
        Storage::QuickCache => confusion_of(QuickCache::with_capacity(capacity), trace),
    }
}

fn confusion_of<C>(store: C, trace: &Trace) -> Confusion
where
    C: IntoStore<u64, u64, Store: Store<u64, u64, Naming: Naming<u64>>>,
{
    let (oracle, reasons, mut confusion) = (Arc::<Oracle>::default(), Reasons::default(), Confusion::new());
    let is_kept = |key: &u64| !key.is_multiple_of(97);
    let cache = cached("insight.reasons", |key: u64| async move { key })
        .cache_if(is_kept)
        .observer(reasons.clone())
        .store(Overheard { store, oracle: Arc::clone(&oracle) })
        .build();
    for (request, key) in trace.keys.iter().enumerate() {
        if request % 100 == 99 {
            cache.invalidate(key);
            continue;
        }
        let why_if_missed = {
            // As the cache will find it: its look-up comes first.
            let _ = cache.entry(key);
            oracle.why()
        };
        assert_eq!(cache.call(*key).now_or_never(), Some(*key));
        let told = reasons.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(told) = told {
            *confusion.entry((why_if_missed, told)).or_default() += 1;
            if !is_kept(key) {
                oracle.rejected();
            }
        }
    }
    confusion
}

#[test]
fn misses_have_the_reason_they_had() {
    let capacity = 1_000;
    let named = trace::named().map(|trace| [1_000, 4_096, 16_384].map(|capacity| (capacity, trace.clone())));
    let made_up = trace::made_up(capacity).into_iter().map(|trace| (capacity, trace));
    for (capacity, trace) in made_up.chain(named.into_iter().flatten()) {
        for storage in Storage::ALL {
            let confusion = confusion(storage, capacity, &trace);
            let misses: u64 = confusion.values().sum();
            let right: u64 = confusion.iter().filter(|((was, told), _)| was == told).map(|(_, count)| count).sum();
            let share = right as f64 / misses as f64;
            println!("{storage:?} {capacity} {}: {:.2} % of {misses} right", trace.name, 100.0 * share);
            for ((was, told), count) in &confusion {
                println!("    was {:<12} told {:<12} {count}", was.as_str(), told.as_str());
            }
            // A trace of a user's may have more keys than are remembered: 187,000 with invalidations are 99.0 % right.
            let least = if trace.keys.len() > trace::REQUESTS { 0.95 } else { 0.99 };
            assert!(share >= least, "{storage:?} {capacity} {}: {share}", trace.name);
        }
    }
}
