//! Caching, switched off and on for the whole process.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The switch of [`disable`]; below it, the number of living [`Disabled`] guards.
const SWITCHED_OFF: usize = 1 << (usize::BITS - 1);

static OFF: AtomicUsize = AtomicUsize::new(0);

/// Switches caching off in the whole process, until [`enable`]: every request leaves its cache aside, loads, and
/// stores nothing; its result is `bypass`. Entries stay as they are. Loads under way are stored still.
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

/// Switches caching on again after [`disable`]. Guards of [`disabled`] hold on.
pub fn enable() {
    OFF.fetch_and(!SWITCHED_OFF, Ordering::SeqCst);
}

/// Switches caching off in the whole process for as long as the guard lives; for tests, mostly.
pub fn disabled() -> Disabled {
    OFF.fetch_add(1, Ordering::SeqCst);
    Disabled(())
}

/// Caching is off while it lives. Made by [`disabled`]; guards may overlap.
#[must_use = "caching is off for as long as the guard lives: bind it to a name"]
#[derive(Debug)]
pub struct Disabled(());

impl Drop for Disabled {
    fn drop(&mut self) {
        OFF.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether requests are to leave their caches aside. One relaxed load.
#[inline(always)]
pub(crate) fn is_off() -> bool {
    OFF.load(Ordering::Relaxed) != 0
}
