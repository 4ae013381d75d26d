//! What an entry's age allows: pure functions of entry and time.

use std::time::Duration;

use cachescope_core::{Entry, Moment};

/// How an entry stands at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Answer with it.
    Fresh,
    /// Past its time, and still within what may be served while it is renewed.
    Stale,
    /// Of no use.
    Expired,
}

/// How long a cache's entries live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// How long an entry is fresh; `None` is for ever.
    pub(crate) stale_after: Option<Duration>,
    /// How long it may be served after that. Zero: an entry past its time is never served.
    pub(crate) serve_stale_for: Duration,
}

impl Policy {
    /// Until when an entry stored at `stored_at` is fresh.
    pub(crate) fn fresh_until(self, stored_at: Moment) -> Moment {
        self.stale_after.map_or(Moment::NEVER, |life| stored_at.after(life))
    }

    /// How `entry` stands at `now`. It is fresh before `fresh_until`, and no longer at it.
    pub(crate) fn judge<V>(self, entry: &Entry<V>, now: Moment) -> Freshness {
        if entry.fresh_until == Moment::NEVER || now < entry.fresh_until {
            Freshness::Fresh
        } else if now < entry.fresh_until.after(self.serve_stale_for) {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Freshness::{Expired, Fresh, Stale};
    use super::*;

    #[test]
    fn age_decides() {
        let second = Duration::from_secs(1);
        // stale after, served stale for, age: how it stands
        let table = [
            (None, 0, 0, Fresh),
            (None, 0, u64::MAX, Fresh),
            (Some(0), 0, 0, Expired),
            (Some(0), 1, 0, Stale),
            (Some(10), 0, 0, Fresh),
            (Some(10), 0, 9, Fresh),
            (Some(10), 0, 10, Expired),
            (Some(10), 5, 9, Fresh),
            (Some(10), 5, 10, Stale),
            (Some(10), 5, 14, Stale),
            (Some(10), 5, 15, Expired),
            (Some(u64::MAX), 0, u64::MAX, Fresh),
        ];
        for (stale_after, serve_stale_for, age, expected) in table {
            let policy =
                Policy { stale_after: stale_after.map(Duration::from_secs), serve_stale_for: second * serve_stale_for };
            let stored_at = Moment::from_nanos(77);
            let entry = Entry { value: (), stored_at, fresh_until: policy.fresh_until(stored_at) };
            let now = stored_at.after(Duration::from_secs(age));
            assert_eq!(policy.judge(&entry, now), expected, "{stale_after:?} {serve_stale_for} {age}");
        }
    }
}
