//! One cached value and what its cache must know of it.

use crate::clock::Moment;

/// A value as a store keeps it. Cloned on every hit, so a large `V` belongs in an `Arc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<V> {
    /// What the load returned.
    pub value: V,
    /// When it was stored.
    pub stored_at: Moment,
    /// From when on it is to be renewed, though it is fresh; never later than `fresh_until`.
    pub renew_from: Moment,
    /// Until when it is fresh; [`Moment::NEVER`] if it doesn't expire.
    pub fresh_until: Moment,
}
