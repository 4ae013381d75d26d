//! A cached value with its metadata.

use super::load_cost::LoadCost;
use crate::time::Timestamp;

/// A value as a store keeps it. A hit clones the entry, so a large `V` belongs in an `Arc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<V> {
    /// The value that the load returned.
    pub value: V,
    /// The time at which the entry was stored.
    pub stored_at: Timestamp,
    /// The time from which the entry is refreshed although it is still fresh. Never later than `fresh_until`.
    #[doc(alias = "refresh ahead")]
    #[doc(alias = "early expiration")]
    pub renew_from: Timestamp,
    /// The time at which the entry expires, or [`Timestamp::NEVER`].
    #[doc(alias = "TTL")]
    #[doc(alias = "time to live")]
    #[doc(alias = "expires_at")]
    pub fresh_until: Timestamp,
    /// The duration of the load.
    pub cost: LoadCost,
    /// The part of the store's capacity that the entry uses: 1 if the store counts entries, else bytes, up to 4 GiB.
    /// Calculated by the store's [`weigh`](crate::Store::weigh).
    pub weight: u32,
}

impl<V> Entry<V> {
    /// Creates an entry of weight 1 that was stored at `stored_at`, never expires and has no load cost.
    #[must_use]
    pub const fn new(value: V, stored_at: Timestamp) -> Self {
        Self {
            value,
            stored_at,
            renew_from: Timestamp::NEVER,
            fresh_until: Timestamp::NEVER,
            cost: LoadCost::ZERO,
            weight: 1,
        }
    }
}
