//! Locks on documents, for servers that update in two steps.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

/// The locks of this process. All stores share them, because two stores may use the same collection.
static LOCKS: [Mutex<()>; 64] = [const { Mutex::const_new(()) }; 64];

/// Waits for the lock on the document with this `_id` within this process. Dropping the guard releases the lock.
pub(crate) async fn lock_document(id: &str) -> MutexGuard<'static, ()> {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let index = hasher.finish() % LOCKS.len() as u64;
    LOCKS[usize::try_from(index).unwrap_or_default()].lock().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn document_lock_is_exclusive() {
        static INSIDE: AtomicUsize = AtomicUsize::new(0);
        let tasks = (0..20).map(|_| {
            tokio::spawn(async {
                let _lock = lock_document("one").await;
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
