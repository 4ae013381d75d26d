//! The reason of an explicit removal, which moka doesn't pass to its eviction listener.

use std::cell::Cell;

use cachescope_core::EvictionReason;

thread_local! {
    // moka calls the listener for an explicit removal on the calling thread, before the removal returns.
    static CURRENT: Cell<Option<EvictionReason>> = const { Cell::new(None) };
}

/// Runs `remove`, which removes one entry. While it runs, [`take_reason`] returns `reason` to the listener.
pub(crate) fn with_reason<T>(reason: EvictionReason, remove: impl FnOnce() -> T) -> T {
    let _clear = ClearReason;
    CURRENT.set(Some(reason));
    remove()
}

/// Returns the reason of the explicit removal that moka reports: `Invalidated`, unless [`with_reason`] set another.
///
/// Returns the reason once. The `Drop` of the removed value may remove entries of other caches, and those have another
/// reason.
pub(crate) fn take_reason() -> EvictionReason {
    CURRENT.take().unwrap_or(EvictionReason::Invalidated)
}

/// Clears the reason when dropped, also if no entry was removed or the removal panicked.
struct ClearReason;

impl Drop for ClearReason {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn reason_is_returned_once_and_ends_with_its_removal() {
        let reasons = with_reason(EvictionReason::Expired, || (take_reason(), take_reason()));
        assert_eq!(reasons, (EvictionReason::Expired, EvictionReason::Invalidated));
        with_reason(EvictionReason::Expired, || ());
        assert_eq!(take_reason(), EvictionReason::Invalidated);
        let panics = || with_reason(EvictionReason::Expired, || panic!("on purpose"));
        catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        assert_eq!(take_reason(), EvictionReason::Invalidated);
    }
}
