//! The coarse time of the process: one thread that stores the present, so that a hit needs no clock read, and that wakes
//! those who wait for a time limit, so that none needs a timer of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::clock::system_now;
use crate::sleep::Alarms;

/// A hundred wake-ups a second cost about a thousandth of a core; expiry stays exact, since the precise
/// clock confirms whatever is within ten ticks of its deadline.
const TICK: Duration = Duration::from_millis(10);

/// "Later than any deadline but never": whoever asks is sent to the precise clock.
const STOPPED: u64 = u64::MAX - 1;

static COARSE: LazyLock<Arc<AtomicU64>> = LazyLock::new(|| Arc::new(AtomicU64::new(STOPPED)));
static ALARMS: LazyLock<Arc<Alarms>> = LazyLock::new(Arc::default);
static TICKER: Mutex<Weak<Alive>> = Mutex::new(Weak::new());

pub(crate) fn coarse() -> Arc<AtomicU64> {
    Arc::clone(&COARSE)
}

/// Who is woken by the tick that finds their time come.
pub(crate) fn alarms() -> Arc<Alarms> {
    Arc::clone(&ALARMS)
}

/// Keeps the process's coarse time moving while it lives. Made by [`Clock::keep_ticking`](crate::Clock::keep_ticking).
#[derive(Clone, Debug)]
pub struct Ticking {
    alive: Arc<Alive>,
}

/// What the ticker thread watches for its end.
#[derive(Debug)]
struct Alive {
    /// Whether there is such a thread.
    ticks: AtomicBool,
}

impl Drop for Alive {
    fn drop(&mut self) {
        // Without a ticker the coarse time must not look like the present.
        COARSE.store(STOPPED, Ordering::Relaxed);
    }
}

impl Ticking {
    pub(crate) fn start() -> Self {
        let mut ticker = TICKER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(alive) = ticker.upgrade() {
            return Self { alive };
        }
        let alive = Arc::new(Alive { ticks: AtomicBool::new(true) });
        *ticker = Arc::downgrade(&alive);
        let watched = Arc::downgrade(&alive);
        // The first tick is ours, so that hits need not wait for the thread to be scheduled.
        COARSE.store(system_now().as_nanos(), Ordering::Relaxed);
        let spawned = std::thread::Builder::new().name("cachescope-ticker".into()).spawn(move || tick(&watched));
        if let Err(error) = spawned {
            COARSE.store(STOPPED, Ordering::Relaxed);
            alive.ticks.store(false, Ordering::Relaxed);
            tracing::warn!(%error, "no thread for the coarse clock: expiry reads the precise clock, about 30 ns a hit");
        }
        Self { alive }
    }

    /// Whether anybody is woken in time: without a thread, nobody is.
    pub(crate) fn ticks(&self) -> bool {
        self.alive.ticks.load(Ordering::Relaxed)
    }
}

fn tick(watched: &Weak<Alive>) {
    // The upgraded guard is held over the store, so that the last owner's reset always comes after it.
    while let Some(_alive) = watched.upgrade() {
        let now = system_now();
        COARSE.store(now.as_nanos(), Ordering::Relaxed);
        drop(_alive);
        ALARMS.ring(now);
        std::thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Waits for a state, not for a time: the deadline only bounds a failure.
    fn eventually(state: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if state() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    #[test]
    fn ticks_while_held_and_stops_with_the_last_guard() {
        let first = Ticking::start();
        let second = Ticking::start();
        assert!(eventually(|| COARSE.load(Ordering::Relaxed) != STOPPED));
        drop(first);
        let seen = COARSE.load(Ordering::Relaxed);
        assert!(eventually(|| COARSE.load(Ordering::Relaxed) > seen));
        drop(second);
        assert!(eventually(|| COARSE.load(Ordering::Relaxed) == STOPPED));
    }
}
