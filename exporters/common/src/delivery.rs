use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::sync::watch;

/// A handle on the requests of exporters, for a flush or shutdown with a deadline: it hurries them, and ends them.
///
/// Clones control the same exporters. No method blocks.
///
/// ```
/// let delivery = cachescope_exporter::Delivery::new();
/// let flushing = delivery.begin_flush();
/// // ... wait for the flush, up to a deadline ...
/// drop(flushing);
/// delivery.begin_shutdown();
/// // ... the deadline for the shutdown passes:
/// delivery.give_up();
/// assert!(delivery.is_given_up());
/// ```
#[doc(alias = "cancellation")]
#[derive(Clone, Debug)]
pub struct Delivery {
    stage: watch::Sender<Stage>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stage {
    /// The number of flushes and shutdowns that wait for exports to end.
    waiting: usize,
    given_up: bool,
}

/// Hurries the exporters while it is held. Created by [`Delivery::begin_flush`].
#[derive(Debug)]
#[must_use = "exporters are hurried only while this is held"]
pub struct FlushGuard(watch::Sender<Stage>);

impl Drop for FlushGuard {
    fn drop(&mut self) {
        self.0.send_modify(|stage| stage.waiting -= 1);
    }
}

impl Delivery {
    /// Creates a handle for exporters that are neither hurried nor given up.
    #[must_use]
    pub fn new() -> Self {
        Self { stage: watch::Sender::new(Stage::default()) }
    }

    /// Hurries the exporters until the returned guard is dropped, because a flush waits for them.
    ///
    /// An exporter that is hurried tries an unreachable destination once, and doesn't wait to try it again. A destination
    /// that answers but is busy is still tried again. An exporter that ignores the hurry documents it.
    pub fn begin_flush(&self) -> FlushGuard {
        self.stage.send_modify(|stage| stage.waiting += 1);
        FlushGuard(self.stage.clone())
    }

    /// Hurries the exporters for good, because the program ends. See [`Delivery::begin_flush`].
    pub fn begin_shutdown(&self) {
        std::mem::forget(self.begin_flush());
    }

    /// Ends the exports in flight, and every later one, at once and with an error.
    ///
    /// The loss of a destination that worked until then is logged, as for any other failure. There is no way back: call
    /// it at the end of a program.
    pub fn give_up(&self) {
        self.stage.send_modify(|stage| stage.given_up = true);
    }

    /// Returns whether [`Delivery::give_up`] was called.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.stage.borrow().given_up
    }

    /// Completes when the exporters are hurried.
    pub async fn hurried(&self) {
        self.until(|stage| stage.waiting > 0).await;
    }

    /// Completes when [`Delivery::give_up`] is called.
    pub async fn given_up(&self) {
        self.until(|stage| stage.given_up).await;
    }

    /// Returns the output of `future`, or `None` if [`Delivery::give_up`] is called first. After that call, `future` isn't
    /// polled.
    pub async fn unless_given_up<F: Future>(&self, future: F) -> Option<F::Output> {
        match select(pin!(self.given_up()), pin!(future)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }

    async fn until(&self, reached: impl Fn(&Stage) -> bool) {
        // `self` holds the sender, so the channel is open.
        let _ = self.stage.subscribe().wait_for(reached).await;
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_executor::block_on;
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn hurry_ends_with_its_guards_and_giving_up_lasts() {
        let delivery = Delivery::new();
        let reached = || (delivery.hurried().now_or_never().is_some(), delivery.given_up().now_or_never().is_some());
        assert_eq!(reached(), (false, false));
        let one = delivery.begin_flush();
        drop(delivery.begin_flush());
        assert_eq!(reached(), (true, false));
        drop(one);
        assert_eq!(reached(), (false, false));
        delivery.begin_shutdown();
        assert_eq!(reached(), (true, false));
        delivery.give_up();
        assert_eq!(reached(), (true, true));
    }

    #[test]
    fn future_is_not_polled_once_given_up() {
        let delivery = Delivery::new();
        assert_eq!(block_on(delivery.unless_given_up(ready(1))), Some(1));
        delivery.clone().give_up();
        assert!(delivery.is_given_up());
        assert_eq!(block_on(delivery.unless_given_up(pending::<()>())), None);
        assert_eq!(block_on(delivery.unless_given_up(ready(1))), None);
    }
}
