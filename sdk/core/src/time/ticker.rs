//! The coarse time of the process. One thread stores the present, so that a hit needs no clock read. It also wakes
//! coarse sleeps, so that a time limit needs no timer of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::clock::system_now;
use super::sleep::Timers;

/// A hundred wake-ups a second cost about a thousandth of a core. Expiry stays exact, because the precise clock checks
/// every deadline within ten ticks.
const TICK: Duration = Duration::from_millis(10);

/// Later than any deadline except never, so that the precise clock is asked.
const STOPPED: u64 = u64::MAX - 1;

static COARSE: LazyLock<Arc<AtomicU64>> = LazyLock::new(|| Arc::new(AtomicU64::new(STOPPED)));
static TIMERS: LazyLock<Arc<Timers>> = LazyLock::new(Arc::default);
static TICKER: Mutex<Weak<TickerThread>> = Mutex::new(Weak::new());

pub(crate) fn coarse() -> Arc<AtomicU64> {
    Arc::clone(&COARSE)
}

/// Returns the coarse sleeps of the process, which the ticker wakes.
pub(crate) fn timers() -> Arc<Timers> {
    Arc::clone(&TIMERS)
}

/// Keeps the coarse time of the process up to date while it is held. Created by
/// [`Clock::start_ticker`](crate::Clock::start_ticker).
#[derive(Clone, Debug)]
pub struct TickerGuard {
    thread: Arc<TickerThread>,
}

/// The ticker thread ends when this is dropped.
#[derive(Debug)]
struct TickerThread {
    /// Whether the thread runs. False if it couldn't be spawned.
    ticks: AtomicBool,
}

impl Drop for TickerThread {
    fn drop(&mut self) {
        // Without a ticker, the coarse time must not look like the present.
        COARSE.store(STOPPED, Ordering::Relaxed);
    }
}

impl TickerGuard {
    pub(crate) fn start() -> Self {
        let mut ticker = TICKER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = ticker.upgrade() {
            return Self { thread };
        }
        let thread = Arc::new(TickerThread { ticks: AtomicBool::new(true) });
        *ticker = Arc::downgrade(&thread);
        let watched = Arc::downgrade(&thread);
        // The first tick is done here, so that hits needn't wait until the thread is scheduled.
        COARSE.store(system_now().as_nanos(), Ordering::Relaxed);
        let spawned = std::thread::Builder::new().name("cachescope-ticker".into()).spawn(move || tick(&watched));
        if let Err(error) = spawned {
            COARSE.store(STOPPED, Ordering::Relaxed);
            thread.ticks.store(false, Ordering::Relaxed);
            tracing::warn!(%error, "failed to spawn the ticker thread: each hit reads the precise clock, which takes about 30 ns");
        }
        Self { thread }
    }

    /// Returns whether coarse sleeps are woken. False if the thread couldn't be spawned.
    pub(crate) fn ticks(&self) -> bool {
        self.thread.ticks.load(Ordering::Relaxed)
    }
}

fn tick(watched: &Weak<TickerThread>) {
    // The guard is held during the store, so that the reset by the last owner always comes later.
    while let Some(_thread) = watched.upgrade() {
        let now = system_now();
        COARSE.store(now.as_nanos(), Ordering::Relaxed);
        drop(_thread);
        TIMERS.wake_due(now);
        std::thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Waits for a state. The deadline only bounds a failing test.
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
    fn ticker_ticks_until_the_last_guard_is_dropped() {
        let first = TickerGuard::start();
        let second = TickerGuard::start();
        assert!(eventually(|| COARSE.load(Ordering::Relaxed) != STOPPED));
        drop(first);
        let seen = COARSE.load(Ordering::Relaxed);
        assert!(eventually(|| COARSE.load(Ordering::Relaxed) > seen));
        drop(second);
        assert!(eventually(|| COARSE.load(Ordering::Relaxed) == STOPPED));
    }
}
