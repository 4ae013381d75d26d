//! Which cell a thread counts in: small numbers, leased to threads and handed on when they end.

use std::cell::Cell;
use std::sync::PoisonError;

use opentelemetry::Context;

#[cfg(all(test, loom))]
use super::shim::NoDestructor;
use super::shim::{Mutex, global, per_thread};

/// How many threads count in cells of their own; further ones share a cell with atomic additions.
///
/// One in the models, so that three threads show both a slot handed on and two threads in the shared cell.
pub(crate) const SLOTS: usize = if cfg!(all(test, loom)) { 1 } else { 64 };

/// The thread hasn't asked yet.
const UNSET: usize = usize::MAX;
/// All slots were taken, or the thread is ending.
const SHARED: usize = usize::MAX - 1;

global! {
    static FREE: Mutex<Free> = Mutex::new(Free { returned: Vec::new(), fresh: 0 });
}

struct Free {
    returned: Vec<usize>,
    /// Slots from here on were never leased.
    fresh: usize,
}

per_thread! {
    // Without a destructor, so that reading it costs one instruction and works while the thread ends.
    static SLOT: Cell<usize> = const { Cell::new(UNSET) };
    static LEASE: Lease = Lease::take();
}

/// Gives its slot back when the thread ends. The mutex orders the last count of one owner before the
/// first of the next, which therefore goes on where it stopped.
struct Lease {
    slot: Option<usize>,
}

impl Lease {
    fn take() -> Self {
        // OpenTelemetry's thread-local context is touched first so that it is destroyed after this lease:
        // while a slot is held, asking for the current span is safe.
        Context::map_current(|_| ());
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = free.returned.pop().or_else(|| {
            let slot = free.fresh;
            (slot < SLOTS).then(|| {
                free.fresh += 1;
                slot
            })
        });
        Self { slot }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        SLOT.set(SHARED);
        if let Some(slot) = self.slot {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).returned.push(slot);
        }
    }
}

/// This thread's slot, or a number that indexes nothing.
#[inline(always)]
pub(crate) fn current() -> usize {
    SLOT.get()
}

/// Leases a slot on the thread's first count. `None` where the thread has to use the shared cell.
#[cold]
pub(crate) fn lease() -> Option<usize> {
    if SLOT.get() == UNSET {
        // An error means that the thread is ending, and that it never leased.
        let leased = LEASE.try_with(|lease| lease.slot).ok().flatten();
        SLOT.set(leased.unwrap_or(SHARED));
    }
    Some(SLOT.get()).filter(|slot| *slot < SLOTS)
}

/// Whether the thread still has its thread-local values, OpenTelemetry's context among them.
///
/// `Context::current()` aborts the process when asked later than that.
pub(crate) fn thread_is_whole() -> bool {
    // A thread without a slot of its own has a lease as well, an empty one.
    lease();
    LEASE.try_with(|_| ()).is_ok()
}

/// Whether every slot ever leased has come back.
#[cfg(all(test, loom))]
pub(crate) fn are_all_back() -> bool {
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    free.returned.len() == free.fresh
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_slot_and_two_threads_differ() {
        let here = lease().unwrap();
        assert_eq!(lease(), Some(here));
        assert_eq!(current(), here);
        let there = std::thread::spawn(|| lease().unwrap()).join().unwrap();
        assert_ne!(here, there);
    }

    #[test]
    fn a_thread_that_is_ending_asks_for_no_context() {
        struct AtEnd;
        impl Drop for AtEnd {
            fn drop(&mut self) {
                // Registered before the lease and so dropped after it.
                assert!(!thread_is_whole());
                assert_eq!(lease(), None);
            }
        }
        thread_local!(static AT_END: AtEnd = const { AtEnd });
        std::thread::spawn(|| {
            AT_END.with(|_| ());
            assert!(thread_is_whole());
        })
        .join()
        .unwrap();
    }
}
