use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::sync::watch;

/// A handle to give up what the exporters of one [`CloudWatch`](crate::CloudWatch) are sending, for a shutdown with a
/// deadline.
///
/// ```
/// let none_set = |_: &str| None;
/// let cloudwatch = cachescope_cloudwatch::CloudWatch::from_lookup(&none_set)?;
/// let delivery = cloudwatch.delivery();
/// // … the deadline for flushing passes while CloudWatch says nothing:
/// delivery.give_up();
/// # Ok::<(), cachescope_cloudwatch::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delivery {
    given_up: watch::Sender<bool>,
}

impl Delivery {
    pub(crate) fn new() -> Self {
        Self { given_up: watch::Sender::new(false) }
    }

    /// Ends the exports in flight, and every later one, at once and with an error. What was in flight is counted as
    /// unconfirmed, whatever waited as dropped by the shutdown.
    ///
    /// Never blocks. There is no way back: it is for the end of a program.
    pub fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    pub(crate) fn is_given_up(&self) -> bool {
        *self.given_up.borrow()
    }

    /// What `future` gives; None if it is given up first.
    pub(crate) async fn unless_given_up<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut given_up = self.given_up.subscribe();
        match select(pin!(given_up.wait_for(|given_up| *given_up)), pin!(future)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_executor::block_on;

    use super::*;

    #[test]
    fn given_up_is_given_up_for_good() {
        let delivery = Delivery::new();
        assert_eq!(block_on(delivery.unless_given_up(ready(1))), Some(1));
        delivery.clone().give_up();
        assert!(delivery.is_given_up());
        assert_eq!(block_on(delivery.unless_given_up(pending::<()>())), None);
        assert_eq!(block_on(delivery.unless_given_up(ready(1))), None);
    }
}
