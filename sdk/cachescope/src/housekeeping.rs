//! What caches have done now and then: on one thread of the process, while any cache has something to do.

use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use cachescope_core::{Clock, Store};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

/// Something that is done now and then, and ends with its cache.
type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

/// To the thread, while there is one.
static CHORES: Mutex<Option<UnboundedSender<Chore>>> = Mutex::new(None);

/// Drops at each `interval` what is past all use in a cache, until that is gone or `closing`.
pub(crate) fn clean_up_every<K, V, E, S>(
    interval: Duration,
    clock: Clock,
    engine: Weak<Engine<K, V, E, S>>,
    closing: CancellationToken,
) where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    S: Store<K, V>,
{
    take_on(Box::pin(async move {
        while closing.run_until_cancelled(clock.sleep(interval)).await.is_some() {
            let Some(engine) = engine.upgrade() else { return };
            // A value's `Drop` may panic; the other caches' chores go on, and so does this one.
            if catch_unwind(AssertUnwindSafe(|| engine.clean_up())).is_err() {
                tracing::error!(cache = engine.recorder.identity().cache, "a clean-up panicked; it is tried again");
            }
        }
    }));
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
        Err(error) => tracing::warn!(%error, "no thread for clean-ups: entries stay until their store needs the room"),
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
            // One that was sent meanwhile keeps the thread.
            match from_caches.try_recv() {
                Ok(chore) => under_way.push(chore),
                Err(_) => *chores = None,
            }
        }
    }
}
