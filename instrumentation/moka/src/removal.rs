//! Why a store drops an entry, where moka knows only that it was told to.

use std::cell::Cell;

use cachescope_core::EvictionReason;

thread_local! {
    // moka tells of an explicit removal on the thread that asked for it, before that returns.
    static UNDER_WAY: Cell<Option<EvictionReason>> = const { Cell::new(None) };
}

/// Runs `remove`, which drops one entry, such that [`reason`] says why while moka tells of it.
pub(crate) fn because<T>(reason: EvictionReason, remove: impl FnOnce() -> T) -> T {
    let _over = Over;
    UNDER_WAY.set(Some(reason));
    remove()
}

/// Why the entry was dropped that moka is telling of: the user did it, unless [`because`] says otherwise.
///
/// Answers so once: what the dropped value's `Drop` does elsewhere isn't done for this reason.
pub(crate) fn reason() -> EvictionReason {
    UNDER_WAY.take().unwrap_or(EvictionReason::Invalidated)
}

/// Nothing is under way any more, even where nothing was dropped or something panicked.
struct Over;

impl Drop for Over {
    fn drop(&mut self) {
        UNDER_WAY.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_reason_is_given_once_and_ends_with_its_removal() {
        let told = because(EvictionReason::Expired, || (reason(), reason()));
        assert_eq!(told, (EvictionReason::Expired, EvictionReason::Invalidated));
        because(EvictionReason::Expired, || ());
        assert_eq!(reason(), EvictionReason::Invalidated);
        let panics = || because(EvictionReason::Expired, || panic!("on purpose"));
        catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        assert_eq!(reason(), EvictionReason::Invalidated);
    }
}
