//! Sleeping by a clock, on any executor.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_timer::Delay;

use super::clock::Clock;
use super::ticker::TickerGuard;
use super::timestamp::Timestamp;

/// A future that is ready when its time has come. Created by [`Clock::sleep`] and [`Clock::coarse_sleep`].
#[must_use = "it waits only while it is awaited"]
pub struct Sleep(Kind);

enum Kind {
    Precise(Delay),
    Timer { clock: Clock, timers: Arc<Timers>, until: Timestamp, timer: Option<u64>, _ticker: Option<TickerGuard> },
}

impl Sleep {
    /// Creates a sleep by the system's timer.
    pub(crate) fn precise(duration: Duration) -> Self {
        Self(Kind::Precise(Delay::new(duration)))
    }

    /// Creates a sleep that is woken by the owner of `timers`: a manual clock, or the ticker.
    pub(crate) fn timer(clock: Clock, timers: Arc<Timers>, until: Timestamp, ticker: Option<TickerGuard>) -> Self {
        Self(Kind::Timer { clock, timers, until, timer: None, _ticker: ticker })
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Precise(delay) => Pin::new(delay).poll(cx),
            Kind::Timer { clock, timers, until, timer, .. } => {
                *timer = Some(timers.insert(*timer, *until, cx.waker().clone()));
                // The time is read after the timer is set, so that no move of the clock is missed.
                if clock.now() >= *until { Poll::Ready(()) } else { Poll::Pending }
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Kind::Timer { timers, until, timer: Some(timer), .. } = &self.0 {
            timers.remove(*until, *timer);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}

/// The sleeps that wait for a clock.
#[derive(Debug, Default)]
pub(crate) struct Timers(Mutex<TimerQueue>);

#[derive(Debug, Default)]
struct TimerQueue {
    last_id: u64,
    /// In the order in which they are due. The number distinguishes timers of the same time.
    timers: BTreeMap<(Timestamp, u64), Waker>,
}

impl Timers {
    /// Sets a timer, and replaces `earlier` for the same time.
    fn insert(&self, earlier: Option<u64>, until: Timestamp, waker: Waker) -> u64 {
        let mut queue = self.lock();
        let timer = earlier.unwrap_or(queue.last_id + 1);
        queue.last_id = queue.last_id.max(timer);
        let replaced = queue.timers.insert((until, timer), waker);
        drop(queue);
        // Dropping a waker may drop a task, and that may drop a sleep and lock this mutex again.
        drop(replaced);
        timer
    }

    fn remove(&self, until: Timestamp, timer: u64) {
        let removed = self.lock().timers.remove(&(until, timer));
        drop(removed);
    }

    /// Wakes the sleeps that are due at `now`.
    pub(crate) fn wake_due(&self, now: Timestamp) {
        let due = {
            let mut queue = self.lock();
            let ahead = queue.timers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut queue.timers, ahead)
        };
        for waker in due.into_values() {
            // A waker that panics must not affect the other sleeps or the calling thread.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, TimerQueue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn advanced_clock_wakes_due_sleeps() {
        let (clock, manual) = Clock::manual();
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let second = Duration::from_secs(1);
        let (mut short, mut long) = (pin!(clock.sleep(second)), pin!(clock.sleep(3 * second)));
        drop(clock.sleep(second));
        assert!(short.as_mut().poll(&mut cx).is_pending() && long.as_mut().poll(&mut cx).is_pending());
        assert!(short.as_mut().poll(&mut cx).is_pending());
        manual.advance(second);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(short.as_mut().poll(&mut cx).is_ready() && long.as_mut().poll(&mut cx).is_pending());
        manual.advance(2 * second);
        assert!(long.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn panicking_waker_does_not_stop_other_timers() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("on purpose");
            }
        }
        let (clock, manual) = Clock::manual();
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let (ill, well) = (Waker::from(Arc::new(Panics)), Waker::from(Arc::clone(&woken)));
        let second = Duration::from_secs(1);
        let (mut first, mut other) = (pin!(clock.sleep(second)), pin!(clock.sleep(second)));
        assert!(first.as_mut().poll(&mut Context::from_waker(&ill)).is_pending());
        assert!(other.as_mut().poll(&mut Context::from_waker(&well)).is_pending());
        manual.advance(second);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    struct SendOnWake(Mutex<std::sync::mpsc::Sender<()>>);

    impl Wake for SendOnWake {
        fn wake(self: Arc<Self>) {
            let _ = self.0.lock().unwrap().send(());
        }
    }

    #[test]
    fn system_clock_sleeps_end_on_any_executor() {
        let (clock, short) = (Clock::system(), Duration::from_millis(1));
        let started = clock.now();
        for sleep in [clock.sleep(short), clock.coarse_sleep(short)] {
            let (sender, receiver) = std::sync::mpsc::channel();
            let waker = Waker::from(Arc::new(SendOnWake(Mutex::new(sender))));
            let mut sleep = pin!(sleep);
            while sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                receiver.recv_timeout(Duration::from_secs(20)).unwrap();
            }
            assert!(clock.now().since(started) >= short);
        }
    }
}
