//! The deliveries of all exporters.

use std::sync::Arc;

use cachescope_exporter::{Delivery, FlushGuard};

/// The deliveries of all exporters. Clones share them.
#[derive(Clone)]
pub(crate) struct Deliveries(Arc<[Delivery]>);

impl Deliveries {
    pub(crate) fn new(deliveries: Vec<Delivery>) -> Self {
        Self(deliveries.into())
    }

    /// Hurries all exporters, until the returned guards are dropped.
    pub(crate) fn begin_flush(&self) -> Vec<FlushGuard> {
        self.0.iter().map(Delivery::begin_flush).collect()
    }

    /// Hurries all exporters for good.
    pub(crate) fn begin_shutdown(&self) {
        self.0.iter().for_each(Delivery::begin_shutdown);
    }

    /// Gives up the deliveries of all exporters. Returns whether there was any exporter to do so.
    pub(crate) fn give_up(&self) -> bool {
        self.0.iter().for_each(Delivery::give_up);
        !self.0.is_empty()
    }
}
