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

/// What one request asks for beyond its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// It wants nothing older, however fresh.
    pub(crate) max_age: Option<Duration>,
    pub(crate) mode: Mode,
}

/// What a request does with the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Looks, and stores what it loads.
    #[default]
    Usual,
    /// Neither looks nor stores.
    Bypass,
    /// Stores, without having looked.
    Overwrite,
}

/// How long an entry of this value is fresh; `None` is for ever.
type LifeOf<V> = Box<dyn Fn(&V) -> Option<Duration> + Send + Sync>;

/// How long values are fresh.
pub(crate) enum Life<V> {
    /// For ever.
    Unlimited,
    /// All alike.
    Same(Duration),
    /// Each as long as this says.
    Each(LifeOf<V>),
}

/// How long a cache's entries live.
pub(crate) struct Policy<V> {
    pub(crate) life: Life<V>,
    /// Lives are shortened at random by up to this share of them, 0 to 1.
    pub(crate) jitter: f64,
    /// How long an entry may be served past its life. Zero: never.
    pub(crate) serve_stale_for: Duration,
    /// How long it may be served past its life where a load fails. Zero: never.
    pub(crate) serve_stale_on_error: Duration,
}

impl<V> Policy<V> {
    /// Whether any entry can expire.
    pub(crate) fn expires(&self) -> bool {
        !matches!(self.life, Life::Unlimited)
    }

    /// Until when `value` is fresh if it is stored at `stored_at`; `random` is any number.
    pub(crate) fn fresh_until(&self, value: &V, stored_at: Moment, random: u64) -> Moment {
        let life = match &self.life {
            Life::Unlimited => None,
            Life::Same(life) => Some(*life),
            Life::Each(life_of) => life_of(value),
        };
        let Some(life) = life else { return Moment::NEVER };
        if self.jitter == 0.0 {
            return stored_at.after(life);
        }
        // The highest 53 bits are a fraction of exactly a float's precision.
        let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
        stored_at.after(life.mul_f64(1.0 - self.jitter * fraction))
    }

    /// Whether `entry` may answer at `now` for a load that failed, a request that wants nothing older than `max_age`.
    pub(crate) fn is_better_than_an_error(&self, entry: &Entry<V>, now: Moment, max_age: Option<Duration>) -> bool {
        max_age.is_none_or(|max_age| now.since(entry.stored_at) <= max_age)
            && now < entry.fresh_until.after(self.serve_stale_on_error)
    }

    /// How `entry` stands at `now` for a request that wants nothing older than `max_age`.
    ///
    /// It is fresh before `fresh_until`, and no longer at it; an age of `max_age` is not too old.
    pub(crate) fn judge(&self, entry: &Entry<V>, now: Moment, max_age: Option<Duration>) -> Freshness {
        if max_age.is_some_and(|max_age| now.since(entry.stored_at) > max_age) {
            return Freshness::Expired;
        }
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
            let life = stale_after.map_or(Life::Unlimited, |life| Life::Same(Duration::from_secs(life)));
            let policy =
                Policy { life, jitter: 0.0, serve_stale_for: second * serve_stale_for, serve_stale_on_error: second };
            let stored_at = Moment::from_nanos(77);
            let entry = Entry { value: (), stored_at, fresh_until: policy.fresh_until(&(), stored_at, 0) };
            let now = stored_at.after(Duration::from_secs(age));
            assert_eq!(policy.judge(&entry, now, None), expected, "{stale_after:?} {serve_stale_for} {age}");
        }
    }

    #[test]
    fn a_request_can_want_something_younger() {
        let second = Duration::from_secs(1);
        let policy = Policy {
            life: Life::Same(10 * second),
            jitter: 0.0,
            serve_stale_for: 5 * second,
            serve_stale_on_error: second,
        };
        let stored_at = Moment::from_nanos(0);
        let entry = Entry { value: (), stored_at, fresh_until: policy.fresh_until(&(), stored_at, 0) };
        let judge = |age, max_age| policy.judge(&entry, stored_at.after(second * age), Some(second * max_age));
        assert_eq!((judge(3, 3), judge(4, 3), judge(0, 0)), (Fresh, Expired, Fresh));
        assert_eq!((judge(12, 12), judge(12, 11), judge(16, 99)), (Stale, Expired, Expired));
    }

    #[test]
    fn a_value_can_say_how_long_it_is_fresh() {
        let life_of: LifeOf<u64> = Box::new(|seconds| (*seconds > 0).then(|| Duration::from_secs(*seconds)));
        let policy = Policy {
            life: Life::Each(life_of),
            jitter: 0.0,
            serve_stale_for: Duration::ZERO,
            serve_stale_on_error: Duration::ZERO,
        };
        let start = Moment::from_nanos(5);
        assert_eq!(policy.fresh_until(&7, start, 0), start.after(Duration::from_secs(7)));
        assert_eq!(policy.fresh_until(&0, start, 0), Moment::NEVER);
    }

    #[test]
    fn jitter_shortens_a_life_by_at_most_its_share() {
        let hour = Duration::from_secs(3600);
        let policy = Policy {
            life: Life::Same(hour),
            jitter: 0.25,
            serve_stale_for: Duration::ZERO,
            serve_stale_on_error: Duration::ZERO,
        };
        let start = Moment::from_nanos(0);
        let life = |random| policy.fresh_until(&(), start, random).since(start);
        assert_eq!(life(0), hour);
        assert_eq!(life(u64::MAX / 2).as_secs(), 3_150);
        assert!(life(u64::MAX) >= hour.mul_f64(0.75) && life(u64::MAX) < hour.mul_f64(0.7501));
    }
}
