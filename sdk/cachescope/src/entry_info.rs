//! The view of one entry.

use std::time::Duration;

use cachescope_core::{Entry, Timestamp};

/// The entry of a key at the time of a look. Returned by [`Cached::peek`](crate::Cached::peek).
///
/// ```
/// use std::time::Duration;
/// use cachescope::{Clock, cached};
///
/// let (clock, manual) = Clock::manual();
/// let price = cached("price", |id: u64| async move { id * 100 })
///     .stale_after(Duration::from_secs(60))
///     .clock(clock)
///     .build();
/// price.insert(7, 700);
/// manual.advance(Duration::from_secs(45));
///
/// let entry = price.peek(&7).unwrap();
/// assert_eq!((entry.value, entry.age), (700, Duration::from_secs(45)));
/// assert_eq!(entry.remaining, Some(Duration::from_secs(15)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryInfo<V> {
    /// The value.
    pub value: V,
    /// The time since the value was stored.
    pub age: Duration,
    /// The time until the entry expires: zero if it has expired, `None` if it never expires.
    pub remaining: Option<Duration>,
}

impl<V> EntryInfo<V> {
    pub(crate) fn at(entry: Entry<V>, now: Timestamp) -> Self {
        let remaining = (entry.fresh_until != Timestamp::NEVER).then(|| entry.fresh_until.since(now));
        Self { value: entry.value, age: now.since(entry.stored_at), remaining }
    }
}
