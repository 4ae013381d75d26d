//! How long the exporters may go on trying.

use tokio::sync::watch;

/// A handle to hurry, and to give up, what the exporters of one [`Otlp`](crate::Otlp) are sending, for a shutdown with
/// a deadline.
///
/// ```
/// let none_set = |_: &str| None;
/// let otlp = cachescope_otlp::Otlp::from_lookup(&none_set)?;
/// let delivery = otlp.delivery();
/// delivery.finish();
/// // … the deadline for flushing passes while the collector says nothing:
/// delivery.give_up();
/// # Ok::<(), cachescope_otlp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delivery {
    stage: watch::Sender<Stage>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stage {
    /// How many are waiting for exports to end.
    hurried: usize,
    given_up: bool,
}

/// While it lives, somebody waits; made by [`Delivery::hurry`].
#[derive(Debug)]
#[must_use = "the hurry is over when this is dropped"]
pub struct Hurry(watch::Sender<Stage>);

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.send_modify(|stage| stage.hurried -= 1);
    }
}

impl Delivery {
    pub(crate) fn new() -> Self {
        Self { stage: watch::Sender::new(Stage::default()) }
    }

    /// Somebody waits for the exports: until what this gives is dropped, where nobody listens is asked once and not
    /// again, so that one without a collector knows at once. A collector that is there but busy is still tried again.
    /// Never blocks.
    pub fn hurry(&self) -> Hurry {
        self.stage.send_modify(|stage| stage.hurried += 1);
        Hurry(self.stage.clone())
    }

    /// The program ends: [`Delivery::hurry`] for good.
    pub fn finish(&self) {
        std::mem::forget(self.hurry());
    }

    /// Ends the exports in flight, and every later one, at once and with an error.
    ///
    /// A destination that was good until then is said to be lost, as for any other failure; one that already was lost
    /// is not mentioned again. Never blocks. There is no way back: it is for the end of a program.
    pub fn give_up(&self) {
        self.stage.send_modify(|stage| stage.given_up = true);
    }

    /// Comes back once somebody waits.
    pub(crate) async fn hurried(&self) {
        self.until(|stage| stage.hurried > 0).await;
    }

    /// Comes back once there is no more point in sending.
    pub(crate) async fn given_up(&self) {
        self.until(|stage| stage.given_up).await;
    }

    async fn until(&self, reached: impl Fn(&Stage) -> bool) {
        // The sender is ours, so it can't be gone.
        let _ = self.stage.subscribe().wait_for(reached).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_hurry_ends_and_what_is_given_up_stays_so() {
        let delivery = Delivery::new();
        let reached = || (delivery.hurried().now_or_never().is_some(), delivery.given_up().now_or_never().is_some());
        assert_eq!(reached(), (false, false));
        let one = delivery.hurry();
        drop(delivery.hurry());
        assert_eq!(reached(), (true, false));
        drop(one);
        assert_eq!(reached(), (false, false));
        delivery.finish();
        assert_eq!(reached(), (true, false));
        delivery.give_up();
        assert_eq!(reached(), (true, true));
    }
}
