//! moka for cachescope: [`Moka`] is the default store of `cached(...)`, and [`instrument`] adds the same telemetry to
//! an existing moka cache.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod frequency_sketch;
mod instrument;
mod instrumented;
mod instrumented_request;
mod removal_reason;
mod simulator;
mod store;
mod usage;

pub use crate::instrument::{Instrumentation, eviction_listener, instrument};
pub use crate::instrumented::Instrumented;
pub use crate::store::{Moka, MokaStore};

/// The value of the `cachescope.store` attribute.
const KIND: &str = "moka";
