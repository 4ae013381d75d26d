//! The hit rates at other capacities, from scaled-down simulations of the store's own eviction policy.

pub(crate) mod capacity_model;
pub(crate) mod hit_rate_curve;
pub(crate) mod last_loads;
pub(crate) mod lru;
pub(crate) mod scaled_simulation;
pub(crate) mod simulation_set;

pub(crate) use self::capacity_model::{CapacityLimit, MemoryHits, SimulatedCache};
pub use self::hit_rate_curve::{HitRateCurve, HitRatePoint};
