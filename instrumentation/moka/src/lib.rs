//! moka for cachescope: [`Moka`] is the default store of `cached(...)`, and [`instrument`] gives a moka
//! cache that you already use the same telemetry.

mod alone;
mod instrumented;
mod levels;
mod removal;
mod request;
mod simulator;
mod sketch;
mod store;

pub use crate::alone::{Instrument, eviction_listener, instrument};
pub use crate::instrumented::Instrumented;
pub use crate::store::{Moka, MokaStore};

/// The value of the attribute `cachescope.store`.
const KIND: &str = "moka";
