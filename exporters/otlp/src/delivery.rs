use tokio::sync::watch;

/// A handle to give up what the exporters of one [`Otlp`](crate::Otlp) are sending, for a shutdown with a deadline.
///
/// ```
/// let none_set = |_: &str| None;
/// let otlp = cachescope_otlp::Otlp::from_lookup(&none_set)?;
/// let delivery = otlp.delivery();
/// // … the deadline for flushing passes while the collector says nothing:
/// delivery.give_up();
/// # Ok::<(), cachescope_otlp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delivery {
    given_up: watch::Sender<bool>,
}

impl Delivery {
    pub(crate) fn new() -> Self {
        Self { given_up: watch::Sender::new(false) }
    }

    /// Ends the exports in flight, and every later one, at once and with an error.
    ///
    /// A destination that was good until then is said to be lost, as for any other failure; one that already was lost
    /// is not mentioned again. Never blocks. There is no way back: it is for the end of a program.
    pub fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.given_up.subscribe()
    }
}
