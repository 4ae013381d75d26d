//! The slot of a thread, which is the index of its cell. Slots are leased to threads, and handed on when a thread ends.

use std::cell::Cell;
use std::sync::PoisonError;

use opentelemetry::Context;

#[cfg(all(test, loom))]
use super::shim::NoDestructor;
use super::shim::{Mutex, global, per_thread};

/// The number of threads that have cells of their own. Further threads share a cell with atomic additions.
///
/// One in loom's models: three threads then show both a slot that is handed on and two threads in the shared cell.
pub(crate) const SLOTS: usize = if cfg!(all(test, loom)) { 1 } else { 64 };

/// The thread has not requested a slot yet.
const UNSET: usize = usize::MAX;
/// All slots were leased, or the thread is ending.
const SHARED: usize = usize::MAX - 1;

global! {
    static FREE: Mutex<FreeSlots> = Mutex::new(FreeSlots { returned: Vec::new(), fresh: 0 });
}

struct FreeSlots {
    returned: Vec<usize>,
    /// The first slot that was never leased.
    fresh: usize,
}

per_thread! {
    // Without a destructor, so that a read costs one instruction and works while the thread ends.
    static SLOT: Cell<usize> = const { Cell::new(UNSET) };
    static LEASE: SlotLease = SlotLease::acquire();
}

/// The lease of a slot, which returns it when the thread ends. The mutex orders the last count of one owner before the
/// first count of the next one, which continues where the first stopped.
struct SlotLease {
    slot: Option<usize>,
}

impl SlotLease {
    fn acquire() -> Self {
        // OpenTelemetry's thread-local context is accessed first, so that it is destroyed after this lease. While a
        // slot is held, reading the current span is safe.
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

impl Drop for SlotLease {
    fn drop(&mut self) {
        SLOT.set(SHARED);
        if let Some(slot) = self.slot {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).returned.push(slot);
        }
    }
}

/// Returns this thread's slot, or a number that is no index.
#[inline(always)]
pub(crate) fn current() -> usize {
    SLOT.get()
}

/// Leases a slot when the thread first counts. Returns `None` if the thread must use the shared cell.
#[cold]
pub(crate) fn lease() -> Option<usize> {
    if SLOT.get() == UNSET {
        // An error means that the thread is ending and never had a lease.
        let leased = LEASE.try_with(|lease| lease.slot).ok().flatten();
        SLOT.set(leased.unwrap_or(SHARED));
    }
    Some(SLOT.get()).filter(|slot| *slot < SLOTS)
}

/// Returns whether the thread still has its thread-local values, including OpenTelemetry's context.
///
/// After that, `Context::current()` aborts the process.
pub(crate) fn thread_locals_are_alive() -> bool {
    // A thread without a slot has an empty lease.
    lease();
    LEASE.try_with(|_| ()).is_ok()
}

/// Returns whether all leased slots were returned.
#[cfg(all(test, loom))]
pub(crate) fn are_all_back() -> bool {
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    free.returned.len() == free.fresh
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn thread_keeps_its_own_slot() {
        let here = lease().unwrap();
        assert_eq!(lease(), Some(here));
        assert_eq!(current(), here);
        let there = std::thread::spawn(|| lease().unwrap()).join().unwrap();
        assert_ne!(here, there);
    }

    #[test]
    fn ending_thread_cannot_access_context() {
        struct AtEnd;
        impl Drop for AtEnd {
            fn drop(&mut self) {
                // Registered before the lease, so it is dropped after it.
                assert!(!thread_locals_are_alive());
                assert_eq!(lease(), None);
            }
        }
        thread_local!(static AT_END: AtEnd = const { AtEnd });
        std::thread::spawn(|| {
            AT_END.with(|_| ());
            assert!(thread_locals_are_alive());
        })
        .join()
        .unwrap();
    }
}
