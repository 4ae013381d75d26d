//! Turns at changing one document, where the server makes a change in two steps.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

/// Of this process, whichever store asks: two of them may be of one collection.
static TURNS: [Mutex<()>; 64] = [const { Mutex::const_new(()) }; 64];

/// Waits until nobody else in this process changes the document of this `_id`. The turn ends with what is returned.
pub(crate) async fn turn(id: &str) -> MutexGuard<'static, ()> {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let place = hasher.finish() % TURNS.len() as u64;
    TURNS[usize::try_from(place).unwrap_or_default()].lock().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_has_the_turn() {
        static INSIDE: AtomicUsize = AtomicUsize::new(0);
        let tasks = (0..20).map(|_| {
            tokio::spawn(async {
                let _turn = turn("one").await;
                assert_eq!(INSIDE.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                INSIDE.fetch_sub(1, Ordering::SeqCst);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    }
}
