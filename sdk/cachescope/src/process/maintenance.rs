//! Periodic maintenance, on one thread of the process that runs while there is any.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::{Clock, Store};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::engine::bounds::{CacheKey, CacheValue, LoadError};

/// A periodic task, which ends with its cache.
type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The channel to the thread, while the thread runs.
static CHORES: Mutex<Option<UnboundedSender<Chore>>> = Mutex::new(None);

/// Runs `chore` for a cache at each `interval`, until the cache is dropped or `end` is cancelled.
pub(crate) fn every<K: CacheKey, V: CacheValue, E: LoadError, S: Store<K, V>>(
    interval: Duration,
    engine: &Arc<Engine<K, V, E, S>>,
    end: CancellationToken,
    chore: fn(&Engine<K, V, E, S>),
) {
    let (clock, engine) = (engine.clock.clone(), Arc::downgrade(engine));
    repeat(interval, clock, end, move || {
        let Some(engine) = engine.upgrade() else { return };
        let recorder = Arc::clone(&engine.recorder);
        // A value's `Drop` may panic, also if the cache is dropped here; the other caches' tasks go on.
        if catch_unwind(AssertUnwindSafe(move || chore(&engine))).is_err() {
            tracing::error!(
                cache = recorder.identity().name,
                "maintenance of a cache panicked: it runs again after its interval"
            );
        }
    });
}

/// Runs `chore`, which must not panic, at each `interval` until `end` is cancelled.
pub(crate) fn repeat(interval: Duration, clock: Clock, end: CancellationToken, chore: impl FnMut() + Send + 'static) {
    take_on(Box::pin(repeated(interval, clock, end, chore)));
}

/// The first interval starts now, not when the thread runs the task for the first time.
fn repeated(
    interval: Duration,
    clock: Clock,
    end: CancellationToken,
    mut chore: impl FnMut(),
) -> impl Future<Output = ()> {
    let mut sleep = clock.sleep(interval);
    async move {
        // If the interval and `end` occur together, `run_until_cancelled` reports the interval.
        while end.run_until_cancelled(&mut sleep).await.is_some() && !end.is_cancelled() {
            chore();
            sleep = clock.sleep(interval);
        }
    }
}

fn take_on(chore: Chore) {
    let mut chores = CHORES.lock().unwrap_or_else(PoisonError::into_inner);
    let chore = match &*chores {
        Some(to_thread) => match to_thread.send(chore) {
            Ok(()) => return,
            Err(unsent) => unsent.0,
        },
        None => chore,
    };
    let (to_thread, from_caches) = unbounded_channel();
    let spawned = std::thread::Builder::new()
        .name("cachescope-housekeeping".into())
        .spawn(move || pollster::block_on(keep_house(chore, from_caches)));
    match spawned {
        Ok(_) => *chores = Some(to_thread),
        Err(error) => {
            tracing::warn!(%error, "failed to spawn the maintenance thread: cleanup and metric windows are disabled")
        }
    }
}

async fn keep_house(first: Chore, mut from_caches: UnboundedReceiver<Chore>) {
    let mut under_way = FuturesUnordered::from_iter([first]);
    while !under_way.is_empty() {
        let taken_on = match select(Box::pin(from_caches.recv()), under_way.next()).await {
            Either::Left((chore, _)) => chore,
            Either::Right(_) => None,
        };
        under_way.extend(taken_on);
        if under_way.is_empty() {
            let mut chores = CHORES.lock().unwrap_or_else(PoisonError::into_inner);
            // A task that was sent meanwhile keeps the thread alive.
            match from_caches.try_recv() {
                Ok(chore) => under_way.push(chore),
                Err(_) => *chores = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn task_cancelled_before_its_interval_does_not_run() {
        let (clock, hands) = Clock::manual();
        let (end, mut done) = (CancellationToken::new(), 0);
        let mut chore = Box::pin(repeated(Duration::from_secs(60), clock, end.clone(), || done += 1));
        for _ in 0..2 {
            assert!(chore.as_mut().now_or_never().is_none());
            hands.advance(Duration::from_secs(60));
        }
        end.cancel();
        assert!(chore.as_mut().now_or_never().is_some(), "it ends");
        drop(chore);
        assert_eq!(done, 1);
    }
}
