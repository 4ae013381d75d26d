//! Waiting by a clock's time, on any executor.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_timer::Delay;

use crate::clock::{Clock, Moment};
use crate::ticker::Ticking;

/// Ready when its time has come by the clock that made it. Made by [`Clock::sleep`] and [`Clock::coarse_sleep`].
#[must_use = "it waits only while it is awaited"]
pub struct Sleep(Kind);

enum Kind {
    Precise(Delay),
    Alarm { clock: Clock, alarms: Arc<Alarms>, until: Moment, alarm: Option<u64>, _ringing: Option<Ticking> },
}

impl Sleep {
    /// By the system's time.
    pub(crate) fn precise(duration: Duration) -> Self {
        Self(Kind::Precise(Delay::new(duration)))
    }

    /// By whoever rings `alarms`: the hands of a clock, or the ticker.
    pub(crate) fn alarm(clock: Clock, alarms: Arc<Alarms>, until: Moment, ringing: Option<Ticking>) -> Self {
        Self(Kind::Alarm { clock, alarms, until, alarm: None, _ringing: ringing })
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Precise(delay) => Pin::new(delay).poll(cx),
            Kind::Alarm { clock, alarms, until, alarm, .. } => {
                *alarm = Some(alarms.set(*alarm, *until, cx.waker().clone()));
                // Looked at after the alarm is set, so that a move of the clock in between isn't missed.
                if clock.now() >= *until { Poll::Ready(()) } else { Poll::Pending }
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Kind::Alarm { alarms, until, alarm: Some(alarm), .. } = &self.0 {
            alarms.unset(*until, *alarm);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}

/// Who waits to be woken when a clock gets that far.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<Set>);

#[derive(Debug, Default)]
struct Set {
    last: u64,
    /// In the order in which they are due; those of one moment are told apart by their numbers.
    alarms: BTreeMap<(Moment, u64), Waker>,
}

impl Alarms {
    /// Sets an alarm, in place of an earlier one for the same moment.
    fn set(&self, earlier: Option<u64>, until: Moment, waker: Waker) -> u64 {
        let mut set = self.lock();
        let alarm = earlier.unwrap_or(set.last + 1);
        set.last = set.last.max(alarm);
        let replaced = set.alarms.insert((until, alarm), waker);
        drop(set);
        // A waker's end may run a task's end, which may come back here.
        drop(replaced);
        alarm
    }

    fn unset(&self, until: Moment, alarm: u64) {
        let removed = self.lock().alarms.remove(&(until, alarm));
        drop(removed);
    }

    /// Wakes those whose time has come.
    pub(crate) fn ring(&self, now: Moment) {
        let due = {
            let mut set = self.lock();
            let ahead = set.alarms.split_off(&(now, u64::MAX));
            std::mem::replace(&mut set.alarms, ahead)
        };
        for waker in due.into_values() {
            // One that panics takes neither the others nor whoever rings along.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
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
    fn a_moved_clock_wakes_those_whose_time_has_come() {
        let (clock, hands) = Clock::manual();
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let second = Duration::from_secs(1);
        let (mut short, mut long) = (pin!(clock.sleep(second)), pin!(clock.sleep(3 * second)));
        drop(clock.sleep(second));
        assert!(short.as_mut().poll(&mut cx).is_pending() && long.as_mut().poll(&mut cx).is_pending());
        assert!(short.as_mut().poll(&mut cx).is_pending());
        hands.advance(second);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(short.as_mut().poll(&mut cx).is_ready() && long.as_mut().poll(&mut cx).is_pending());
        hands.advance(2 * second);
        assert!(long.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn a_waker_that_panics_costs_nobody_else_the_alarm() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("on purpose");
            }
        }
        let (clock, hands) = Clock::manual();
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let (ill, well) = (Waker::from(Arc::new(Panics)), Waker::from(Arc::clone(&woken)));
        let second = Duration::from_secs(1);
        let (mut first, mut other) = (pin!(clock.sleep(second)), pin!(clock.sleep(second)));
        assert!(first.as_mut().poll(&mut Context::from_waker(&ill)).is_pending());
        assert!(other.as_mut().poll(&mut Context::from_waker(&well)).is_pending());
        hands.advance(second);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    struct Tell(Mutex<std::sync::mpsc::Sender<()>>);

    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.lock().unwrap().send(());
        }
    }

    #[test]
    fn the_system_s_time_passes_on_any_executor() {
        let (clock, short) = (Clock::system(), Duration::from_millis(1));
        let begun = clock.now();
        for sleep in [clock.sleep(short), clock.coarse_sleep(short)] {
            let (sender, receiver) = std::sync::mpsc::channel();
            let waker = Waker::from(Arc::new(Tell(Mutex::new(sender))));
            let mut sleep = pin!(sleep);
            while sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                receiver.recv_timeout(Duration::from_secs(20)).unwrap();
            }
            assert!(clock.now().since(begun) >= short);
        }
    }
}
