//! The rules of advice, by subject.

pub(crate) mod benefit;
pub(crate) mod shared;
pub(crate) mod size;
pub(crate) mod traffic;
pub(crate) mod ttl;
pub(crate) mod values;
