//! What an exporter is told when somebody waits for it, and when the program ends.

use std::any::Any;
use std::sync::Arc;

/// In effect until it is dropped.
pub(crate) type Hurry = Box<dyn Any>;

/// A handle on what an exporter is sending.
pub(crate) trait Delivery: Send + Sync {
    /// Somebody waits for what is being sent, as long as what this gives lives.
    fn hurry(&self) -> Hurry {
        Box::new(())
    }

    /// The end is near: what is left is to go, rather than to wait for a better moment.
    fn finish(&self) {}

    /// The deadline has passed: whatever is being sent is given up, and that is said unless it has been.
    fn give_up(&self);
}

/// Those of all exporters. Clones are the same.
#[derive(Clone)]
pub(crate) struct Deliveries(Arc<[Box<dyn Delivery>]>);

impl Deliveries {
    pub(crate) fn new(deliveries: Vec<Box<dyn Delivery>>) -> Self {
        Self(deliveries.into())
    }

    pub(crate) fn hurry(&self) -> Vec<Hurry> {
        self.0.iter().map(|delivery| delivery.hurry()).collect()
    }

    pub(crate) fn finish(&self) {
        self.0.iter().for_each(|delivery| delivery.finish());
    }

    /// Says whether there was anybody to give up.
    pub(crate) fn give_up(&self) -> bool {
        self.0.iter().for_each(|delivery| delivery.give_up());
        !self.0.is_empty()
    }
}

#[cfg(feature = "otlp")]
impl Delivery for cachescope_otlp::Delivery {
    fn hurry(&self) -> Hurry {
        Box::new(self.hurry())
    }

    fn finish(&self) {
        self.finish();
    }

    fn give_up(&self) {
        self.give_up();
    }
}

#[cfg(feature = "cloudwatch")]
impl Delivery for cachescope_cloudwatch::Delivery {
    fn give_up(&self) {
        self.give_up();
    }
}
