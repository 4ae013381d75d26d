//! Many keys at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope::{
    Builder, CallError, Clock, Ending, Failure, LoadOutcome, RequestResult, WaitOutcome, cached, try_cached,
};
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::balance::assert_balanced;

const SECOND: Duration = Duration::from_secs(1);

/// What was asked of the batch loader, each time sorted.
type Asked = Arc<Mutex<Vec<Vec<u64>>>>;

/// Squares, by one and by many; nobody has 13, and 666 panics. Loads of many wait for the gate.
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
    let one = |key: u64| async move { if key == 13 { Err("nobody has it") } else { Ok(key * key) } };
    (try_cached(name, one).try_batch_load(many), asked, gate)
}

fn taken(asked: &Asked) -> Vec<Vec<u64>> {
    std::mem::take(&mut asked.lock().expect("no panic"))
}

#[test]
fn all_that_are_missing_are_one_load_and_each_key_is_counted() {
    let (builder, asked, gate) = squares("batch.one_load");
    let cache = builder.build();
    gate.add_permits(10);
    assert_eq!(cache.try_call(2).now_or_never(), Some(Ok(4)));
    let all = cache.try_get_many([1, 2, 3, 3, 4]).now_or_never().expect("ready").expect("no error");
    assert_eq!(all, HashMap::from([(1, 1), (2, 4), (3, 9), (4, 16)]));
    assert_eq!(taken(&asked), [[1, 3, 4]]);
    let stats = cache.metrics().stats();
    assert_eq!((stats.requests(), stats.hits(), stats.misses(), stats.coalesced()), (5, 1, 2, 2));
    assert_eq!((stats.loads(LoadOutcome::Loaded), stats.levels().entries), (2, 4));
    assert_balanced(&stats);

    assert_eq!(cache.try_get_many([1, 2, 3, 4]).now_or_never().expect("ready").expect("no error").len(), 4);
    assert_eq!(cache.try_get_many([]).now_or_never(), Some(Ok(HashMap::new())));
    assert_eq!(taken(&asked), Vec::<Vec<u64>>::new());
    assert_eq!(cache.metrics().stats().hits(), 5);
}

#[test]
fn a_key_without_a_value_is_left_out_and_asked_for_again() {
    let (builder, asked, gate) = squares("batch.no_value");
    let cache = builder.build();
    let mut many = Box::pin(cache.try_get_many([5, 13]));
    assert!((&mut many).now_or_never().is_none());
    let mut single = Box::pin(cache.try_call(13));
    assert!((&mut single).now_or_never().is_none(), "it waits for the batch");
    gate.add_permits(10);
    assert_eq!(many.now_or_never(), Some(Ok(HashMap::from([(5, 25)]))));
    assert_eq!(single.now_or_never(), Some(Err(CallError::Load(Arc::new("nobody has it")))), "by its own load");
    assert_eq!(cache.try_get_many([13]).now_or_never(), Some(Ok(HashMap::new())));
    assert_eq!(taken(&asked), [vec![5, 13], vec![13]]);
    let stats = cache.metrics().stats();
    assert_eq!((stats.waits(WaitOutcome::LeaderFailed), stats.levels().entries), (1, 1));
    assert_balanced(&stats);
}

#[test]
fn batches_that_overlap_load_no_key_twice_and_wait_for_each_other() {
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
    assert_eq!(stats.waits(WaitOutcome::Shared), 2, "the members of a batch wait for nobody");
    assert_balanced(&stats);
}

#[test]
fn an_error_is_that_of_every_key_it_was_to_load() {
    let (builder, _, gate) = squares("batch.error");
    let (clock, hands) = Clock::manual();
    let cache = builder.stale_after(10 * SECOND).serve_stale_on_error(10 * SECOND).clock(clock).build();
    gate.add_permits(10);
    cache.insert(1, 1);
    hands.advance(10 * SECOND);
    let error = cache.try_get_many([1, 99]).now_or_never().expect("ready").expect_err("out of range");
    assert_eq!(error.load_error(), Some(&"out of range"));
    let stats = cache.metrics().stats();
    assert_eq!(stats.ended(Ending::of(RequestResult::Stale).with_failure(Failure::Error)), 1, "1 had a last value");
    assert_eq!((stats.loads(LoadOutcome::Failed), stats.requests(), stats.in_flight()), (1, 2, 0));
    assert_eq!(stats.load_duration().count(), 1);
}

#[test]
fn a_batch_that_is_dropped_hands_its_keys_on() {
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
async fn a_panic_reaches_who_asked_and_the_others_load() {
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
fn without_a_batch_loader_each_key_is_loaded_by_itself() {
    let cache = cached("batch.singly", |key: u64| async move { key * key }).build();
    assert_eq!(cache.get_many([2, 3]).now_or_never(), Some(HashMap::from([(2, 4), (3, 9)])));
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.coalesced(), stats.loads(LoadOutcome::Loaded)), (2, 0, 2));
    assert_balanced(&stats);
}

#[test]
fn a_refused_value_and_one_that_was_invalidated_meanwhile_are_given_and_not_stored() {
    let (builder, _, gate) = squares("batch.kept");
    let cache = builder.cache_if(|square| *square != 4).build();
    let mut many = Box::pin(cache.try_get_many([1, 2, 3]));
    assert!((&mut many).now_or_never().is_none());
    cache.invalidate(&3);
    gate.add_permits(1);
    assert_eq!(many.now_or_never().expect("ready").map(|all| all.len()), Ok(3));
    assert!(cache.entry(&1).is_some() && cache.entry(&2).is_none() && cache.entry(&3).is_none());
    let stats = cache.metrics().stats();
    assert_eq!(stats.rejections(cachescope::RejectionReason::Refused), 1);
    assert_eq!(stats.load_duration().count(), 1);
    assert_balanced(&stats);
}
