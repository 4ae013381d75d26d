//! The switch that turns caching off in the whole process.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The switch of [`disable`]; in the bits below it, the number of live [`DisableGuard`]s.
const SWITCHED_OFF: usize = 1 << (usize::BITS - 1);

static OFF: AtomicUsize = AtomicUsize::new(0);

/// Turns caching off in the whole process, until [`enable`]: every request bypasses its cache and loads, and nothing is
/// stored. The result is `bypass`. Entries stay, and loads under way are still stored.
///
/// ```standalone_crate
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let now = cachescope::cached("now", |_: ()| async { std::time::Instant::now() }).build();
/// cachescope::disable();
/// assert_ne!(now.call(()).await, now.call(()).await);
/// cachescope::enable();
/// assert_eq!(now.call(()).await, now.call(()).await);
/// # });
/// ```
pub fn disable() {
    OFF.fetch_or(SWITCHED_OFF, Ordering::SeqCst);
}

/// Turns caching on again after [`disable`]. Live guards of [`disabled`] keep it off.
pub fn enable() {
    OFF.fetch_and(!SWITCHED_OFF, Ordering::SeqCst);
}

/// Turns caching off in the whole process while the guard lives; mostly for tests.
pub fn disabled() -> DisableGuard {
    OFF.fetch_add(1, Ordering::SeqCst);
    DisableGuard(())
}

/// A guard that keeps caching off while it lives. Created by [`disabled`]; guards may overlap.
#[must_use = "caching is off for as long as the guard lives: bind it to a name"]
#[derive(Debug)]
pub struct DisableGuard(());

impl Drop for DisableGuard {
    fn drop(&mut self) {
        OFF.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns whether requests must bypass their caches. Costs one relaxed load.
#[inline(always)]
pub(crate) fn is_off() -> bool {
    OFF.load(Ordering::Relaxed) != 0
}
