//! The collection of all caches' metrics by OpenTelemetry: attribute sets, instruments and the registry of caches.

pub(crate) mod attributes;
pub(crate) mod cache_registry;
mod collection_passes;
mod group_snapshot;
pub(crate) mod instruments;

pub use self::attributes::{CAPACITY_MULTIPLES, IdentityAttributes};
pub use self::cache_registry::{CacheRegistration, CacheSource};
