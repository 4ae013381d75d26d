//! Requests for many keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope::metrics::{Failure, LoadOutcome, RequestOutcome, RequestResult, WaitOutcome};
use cachescope::{Builder, CallError, Clock, cached, try_cached};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::balance::assert_balanced;

const SECOND: Duration = Duration::from_secs(1);

/// The keys of each call of the batch loader, sorted.
type Asked = Arc<Mutex<Vec<Vec<u64>>>>;

/// Squares, loaded by one or by many. 13 has no value, and 666 panics. Batch loads wait for the gate.
fn squares(name: &str) -> (Builder<u64, u64, &'static str>, Asked, Arc<Semaphore>) {
    let (asked, gate) = (Asked::default(), Arc::new(Semaphore::new(0)));
    let (notes, permits) = (Arc::clone(&asked), Arc::clone(&gate));
    let many = move |mut keys: Vec<u64>| {
        keys.sort_unstable();
        notes.lock().expect("no panic").push(keys.clone());
        let gate = Arc::clone(&permits);
        async move {
            gate.acquire().await.expect("open").forget();
            assert!(!keys.contains(&666), "on purpose");
            if keys.contains(&99) {
                return Err("out of range");
            }
            Ok(keys.into_iter().filter(|key| *key != 13).map(|key| (key, key * key)).collect::<HashMap<_, _>>())
        }
    };
    let one = |key: u64| async move { if key == 13 { Err("no such key") } else { Ok(key * key) } };
    (try_cached(name, one).try_batch_load(many), asked, gate)
}

fn taken(asked: &Asked) -> Vec<Vec<u64>> {
    std::mem::take(&mut asked.lock().expect("no panic"))
}

#[test]
fn batch_loads_missing_keys_once_and_counts_each_key() {
    let (builder, asked, gate) = squares("batch.one_load");
    let cache = builder.build();
    gate.add_permits(10);
    assert_eq!(cache.try_call(2).now_or_never(), Some(Ok(4)));
    let all = cache.try_get_many([1, 2, 3, 3, 4]).now_or_never().expect("ready").expect("no error");
    assert_eq!(all, HashMap::from([(1, 1), (2, 4), (3, 9), (4, 16)]));
    assert_eq!(taken(&asked), [[1, 3, 4]]);
    let stats = cache.metrics().stats();
    assert_eq!((stats.requests(), stats.hits(), stats.misses(), stats.coalesced()), (5, 1, 2, 2));
    assert_eq!((stats.loads(LoadOutcome::Loaded), stats.usage().entries), (2, 4));
    assert_balanced(&stats);

    assert_eq!(cache.try_get_many([1, 2, 3, 4]).now_or_never().expect("ready").expect("no error").len(), 4);
    assert_eq!(cache.try_get_many([]).now_or_never(), Some(Ok(HashMap::new())));
    assert_eq!(taken(&asked), Vec::<Vec<u64>>::new());
    assert_eq!(cache.metrics().stats().hits(), 5);
}

#[test]
fn batch_omits_key_without_value_and_loads_it_again_later() {
    let (builder, asked, gate) = squares("batch.no_value");
    let cache = builder.build();
    let mut many = Box::pin(cache.try_get_many([5, 13]));
    assert!((&mut many).now_or_never().is_none());
    let mut single = Box::pin(cache.try_call(13));
    assert!((&mut single).now_or_never().is_none(), "it waits for the batch");
    gate.add_permits(10);
    assert_eq!(many.now_or_never(), Some(Ok(HashMap::from([(5, 25)]))));
    assert_eq!(single.now_or_never(), Some(Err(CallError::Load(Arc::new("no such key")))), "by its own load");
    assert_eq!(cache.try_get_many([13]).now_or_never(), Some(Ok(HashMap::new())));
    assert_eq!(taken(&asked), [vec![5, 13], vec![13]]);
    let stats = cache.metrics().stats();
    assert_eq!((stats.waits(WaitOutcome::LeaderFailed), stats.usage().entries), (1, 1));
    assert_balanced(&stats);
}

#[test]
fn overlapping_batches_load_no_key_twice() {
    let (builder, asked, gate) = squares("batch.overlap");
    let cache = builder.build();
    let mut one = Box::pin(cache.try_get_many([1, 2, 3]));
    assert!((&mut one).now_or_never().is_none());
    let mut other = Box::pin(cache.try_get_many([3, 4]));
    assert!((&mut other).now_or_never().is_none());
    let mut single = Box::pin(cache.try_call(4));
    assert!((&mut single).now_or_never().is_none());
    assert_eq!(taken(&asked), [vec![1, 2, 3], vec![4]]);
    assert_eq!(cache.metrics().stats().waits_active(), 2);
    gate.add_permits(2);
    assert!((&mut other).now_or_never().is_none(), "3 is the first one's");
    assert_eq!(single.now_or_never(), Some(Ok(16)));
    assert_eq!(one.now_or_never().expect("ready").map(|all| all.len()), Ok(3));
    assert_eq!(other.now_or_never(), Some(Ok(HashMap::from([(3, 9), (4, 16)]))));
    let stats = cache.metrics().stats();
    assert_eq!((stats.requests(), stats.misses(), stats.coalesced()), (6, 2, 4));
    assert_eq!(stats.waits(WaitOutcome::Shared), 2, "the members of a batch wait for no other request");
    assert_balanced(&stats);
}

#[test]
fn batch_error_reaches_every_missing_key() {
    let (builder, _, gate) = squares("batch.error");
    let (clock, hands) = Clock::manual();
    let cache = builder.stale_after(10 * SECOND).serve_stale_on_error(10 * SECOND).clock(clock).build();
    gate.add_permits(10);
    cache.insert(1, 1);
    hands.advance(10 * SECOND);
    let error = cache.try_get_many([1, 99]).now_or_never().expect("ready").expect_err("out of range");
    assert_eq!(error.load_error(), Some(&"out of range"));
    let stats = cache.metrics().stats();
    assert_eq!(
        stats.ended(RequestOutcome::new(RequestResult::Stale).with_failure(Failure::Error)),
        1,
        "1 had a last value"
    );
    assert_eq!((stats.loads(LoadOutcome::Failed), stats.requests(), stats.in_flight()), (1, 2, 0));
    assert_eq!(stats.load_duration().count(), 1);
}

#[test]
fn dropped_batch_makes_followers_load_its_keys() {
    let (builder, asked, gate) = squares("batch.dropped");
    let cache = builder.build();
    let mut dropped = Box::pin(cache.try_get_many([1, 2]));
    assert!((&mut dropped).now_or_never().is_none());
    let mut stays = Box::pin(cache.try_get_many([2, 3]));
    assert!((&mut stays).now_or_never().is_none());
    drop(dropped);
    gate.add_permits(10);
    assert_eq!(stays.now_or_never(), Some(Ok(HashMap::from([(2, 4), (3, 9)]))));
    assert_eq!(taken(&asked), [vec![1, 2], vec![3]], "2 was then loaded by itself");
    let stats = cache.metrics().stats();
    assert_eq!((stats.cancelled(), stats.misses(), stats.loads(LoadOutcome::Cancelled)), (2, 2, 1));
    assert_balanced(&stats);
}

#[tokio::test]
async fn batch_panic_reaches_its_caller_and_followers_load() {
    let (builder, _, gate) = squares("batch.panic");
    let cache = builder.build();
    let asks = tokio::spawn({
        let cache = cache.clone();
        async move { cache.try_get_many([1, 666]).await }
    });
    tokio::task::yield_now().await;
    let mut single = Box::pin(cache.try_call(1));
    assert!((&mut single).now_or_never().is_none());
    gate.add_permits(1);
    assert!(asks.await.expect_err("panicked").is_panic());
    assert_eq!(single.await, Ok(1));
    let stats = cache.metrics().stats();
    assert_eq!((stats.loads(LoadOutcome::Panicked), stats.misses(), stats.cancelled()), (1, 2, 1));
    assert_balanced(&stats);
}

#[test]
fn batch_loads_keys_separately_without_batch_loader() {
    let cache = cached("batch.singly", |key: u64| async move { key * key }).build();
    assert_eq!(cache.get_many([2, 3]).now_or_never(), Some(HashMap::from([(2, 4), (3, 9)])));
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.coalesced(), stats.loads(LoadOutcome::Loaded)), (2, 0, 2));
    assert_balanced(&stats);
}

#[test]
fn batch_returns_refused_and_invalidated_values_without_storing_them() {
    let (builder, _, gate) = squares("batch.kept");
    let cache = builder.cache_if(|square| *square != 4).build();
    let mut many = Box::pin(cache.try_get_many([1, 2, 3]));
    assert!((&mut many).now_or_never().is_none());
    cache.invalidate(&3);
    gate.add_permits(1);
    assert_eq!(many.now_or_never().expect("ready").map(|all| all.len()), Ok(3));
    assert!(cache.peek(&1).is_some() && cache.peek(&2).is_none() && cache.peek(&3).is_none());
    let stats = cache.metrics().stats();
    assert_eq!(stats.rejections(cachescope::metrics::RejectionReason::Refused), 1);
    assert_eq!(stats.load_duration().count(), 1);
    assert_balanced(&stats);
}
