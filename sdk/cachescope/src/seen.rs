//! An entry, looked at from outside.

use std::time::Duration;

use cachescope_core::{Entry, Moment};

/// What a cache holds of a key, at the moment it was looked at. Made by [`Cached::entry`](crate::Cached::entry).
///
/// ```
/// use std::time::Duration;
/// use cachescope::{Clock, cached};
///
/// let (clock, hands) = Clock::manual();
/// let price = cached("price", |id: u64| async move { id * 100 })
///     .stale_after(Duration::from_secs(60))
///     .clock(clock)
///     .build();
/// price.insert(7, 700);
/// hands.advance(Duration::from_secs(45));
///
/// let seen = price.entry(&7).unwrap();
/// assert_eq!((seen.value, seen.age), (700, Duration::from_secs(45)));
/// assert_eq!(seen.remaining, Some(Duration::from_secs(15)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen<V> {
    /// The value.
    pub value: V,
    /// How long ago it was stored.
    pub age: Duration,
    /// How long it is fresh from now on; zero if it is past its time, `None` if it is fresh for ever.
    pub remaining: Option<Duration>,
}

impl<V> Seen<V> {
    pub(crate) fn at(entry: Entry<V>, now: Moment) -> Self {
        let remaining = (entry.fresh_until != Moment::NEVER).then(|| entry.fresh_until.since(now));
        Self { value: entry.value, age: now.since(entry.stored_at), remaining }
    }
}
