//! The hit rates at other TTLs.

pub(crate) mod candidate_ttls;
pub(crate) mod gap_model;
pub(crate) mod ttl_curve;
pub(crate) mod ttl_tally;

pub use self::ttl_curve::{TtlCurve, TtlPoint};
