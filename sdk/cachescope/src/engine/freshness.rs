//! The freshness policy: pure functions of an entry, the time and a request's options.

use std::time::Duration;

use cachescope_core::{Entry, LoadCost, Timestamp};

use crate::process::defaults::Settings;

/// The freshness of what a lookup found, at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Nothing was found, or the request skipped the lookup.
    Absent,
    /// The entry may answer.
    Fresh,
    /// The entry may answer, and a refresh is due.
    Aging,
    /// The entry has expired, and may answer while it is refreshed (stale-while-revalidate).
    Stale,
    /// The entry has expired and may not answer.
    Expired,
}

/// The options of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestOptions {
    /// The oldest acceptable age, even of a fresh entry.
    pub(crate) max_age: Option<Duration>,
    pub(crate) mode: RequestMode,
    /// Whether the request logs what happened.
    pub(crate) verbose: bool,
}

/// The way a request uses the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RequestMode {
    /// Looks the key up, and stores what it loads.
    #[default]
    Normal,
    /// Neither looks the key up nor stores the value.
    Bypass,
    /// Stores the value, without a lookup.
    Overwrite,
    /// Looks the key up, and never loads.
    OnlyIfCached,
}

/// The next step of a request after its lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Answer with the entry.
    Hit,
    /// Answer with the entry, and refresh it in the background.
    HitAndRefresh,
    /// Answer with the entry although it has expired.
    Stale,
    /// Answer with the entry although it has expired, and refresh it in the background.
    StaleAndRefresh,
    /// Load, or wait for the load under way.
    Load,
    /// Load without joining a flight, and leave the cache as it is.
    LoadUncached,
    /// Load, and overwrite the entry.
    LoadAndOverwrite,
    /// Answer that there is no value.
    Absent,
}

/// Decides what a request does, by its mode and the freshness of what it found. This is the whole table.
pub(crate) const fn decide(mode: RequestMode, found: Freshness) -> Decision {
    match (mode, found) {
        (RequestMode::Bypass, _) => Decision::LoadUncached,
        (RequestMode::Overwrite, _) => Decision::LoadAndOverwrite,
        (_, Freshness::Fresh) => Decision::Hit,
        (RequestMode::Normal, Freshness::Aging) => Decision::HitAndRefresh,
        (RequestMode::Normal, Freshness::Stale) => Decision::StaleAndRefresh,
        (RequestMode::Normal, Freshness::Absent | Freshness::Expired) => Decision::Load,
        (RequestMode::OnlyIfCached, Freshness::Aging) => Decision::Hit,
        (RequestMode::OnlyIfCached, Freshness::Stale) => Decision::Stale,
        (RequestMode::OnlyIfCached, Freshness::Absent | Freshness::Expired) => Decision::Absent,
    }
}

/// Returns the TTL of an entry with this value; `None`: the entry never expires.
pub(crate) type TtlFn<V> = Box<dyn Fn(&V) -> Option<Duration> + Send + Sync>;

/// The TTL of a cache's entries.
pub(crate) enum Ttl<V> {
    /// Entries never expire.
    Unlimited,
    /// All entries have this TTL.
    Fixed(Duration),
    /// Each entry has a TTL of its own.
    PerValue(TtlFn<V>),
}

/// The rules for how long entries answer, and when they are refreshed.
pub(crate) struct Policy<V> {
    ttl: Ttl<V>,
    jitter: f64,
    refresh_ahead: Duration,
    early_expiration: f64,
    pub(crate) serve_stale_for: Duration,
    pub(crate) serve_stale_on_error: Duration,
    /// The time for which an entry in memory answers without a look at the shared store; `None` without a shared store.
    pub(crate) memory_ttl: Option<Duration>,
}

impl<V> Policy<V> {
    /// Creates the policy of `settings`. `ttl_fn`, if given, takes precedence over `stale_after`.
    pub(crate) fn new(ttl_fn: Option<TtlFn<V>>, settings: &Settings) -> Self {
        let same = || settings.stale_after.map_or(Ttl::Unlimited, Ttl::Fixed);
        Self {
            ttl: ttl_fn.map_or_else(same, Ttl::PerValue),
            jitter: settings.jitter,
            refresh_ahead: settings.refresh_ahead,
            early_expiration: settings.early_expiration,
            serve_stale_for: settings.serve_stale_for,
            serve_stale_on_error: settings.serve_stale_on_error,
            memory_ttl: None,
        }
    }

    /// Returns how long before its expiry an entry is refreshed.
    pub(crate) fn refresh_ahead(&self) -> Duration {
        self.refresh_ahead
    }

    /// Returns how long after its expiry an entry still answers while it is refreshed.
    pub(crate) fn serve_stale_for(&self) -> Duration {
        self.serve_stale_for
    }

    /// Returns the TTL, if all entries have the same; `None` if entries never expire or have TTLs of their own.
    pub(crate) fn fixed_ttl(&self) -> Option<Duration> {
        match self.ttl {
            Ttl::Fixed(ttl) => Some(ttl),
            Ttl::Unlimited | Ttl::PerValue(_) => None,
        }
    }

    /// Returns whether any entry can expire.
    pub(crate) fn expires(&self) -> bool {
        !matches!(self.ttl, Ttl::Unlimited)
    }

    /// Returns whether a hit must compare times.
    pub(crate) fn asks_for_time(&self) -> bool {
        self.expires() || self.memory_ttl.is_some()
    }

    /// Returns whether an expired entry may answer in place of an error (stale-if-error).
    pub(crate) fn serves_stale_on_error(&self) -> bool {
        !self.serve_stale_on_error.is_zero()
    }

    /// Creates the entry of a value that is stored at `stored_at` after a load that took `cost`. `random` is a random
    /// number.
    pub(crate) fn entry(&self, value: V, stored_at: Timestamp, cost: Duration, random: u64) -> Entry<V> {
        let ttl = match &self.ttl {
            Ttl::Unlimited => None,
            Ttl::Fixed(ttl) => Some(*ttl),
            Ttl::PerValue(ttl_fn) => ttl_fn(&value),
        };
        let Some(ttl) = ttl else {
            return Entry { cost: LoadCost::new(cost), ..Entry::new(value, stored_at) };
        };
        // Two independent fractions: the first from 0 to below 1, the second from above 0 to 1.
        let (one, two) = ((random >> 32) as f64 / TWO_TO_32, ((random & 0xffff_ffff) + 1) as f64 / TWO_TO_32);
        let ttl = if self.jitter == 0.0 { ttl } else { ttl.mul_f64(1.0 - self.jitter * one) };
        let renew_from = stored_at.after(ttl - self.refresh_lead(ttl, cost, two));
        let fresh_until = stored_at.after(ttl);
        Entry { renew_from, fresh_until, cost: LoadCost::new(cost), ..Entry::new(value, stored_at) }
    }

    /// Returns how long before the end of `ttl` a refresh is due; `u` is above 0 and at most 1.
    pub(crate) fn refresh_lead(&self, ttl: Duration, cost: Duration, u: f64) -> Duration {
        // An entry isn't refreshed in the first half of its TTL: a short TTL would cause refreshes all the time.
        self.refresh_ahead.max(early(cost, self.early_expiration, u)).min(ttl / 2)
    }

    /// Returns the entry as memory keeps it from `now` on: it answers for at most `memory_ttl`.
    pub(crate) fn in_memory(&self, entry: Entry<V>, now: Timestamp) -> Entry<V> {
        match self.memory_ttl {
            None => entry,
            Some(ttl) => Entry { renew_from: entry.renew_from.min(now.after(ttl)), ..entry },
        }
    }

    /// Returns the freshness of an entry in memory at `now`, for a request that accepts ages up to `max_age`.
    ///
    /// In front of a shared store an entry answers or it doesn't: the shared store may have a newer value of an entry
    /// that is aging, stale or expired in memory.
    pub(crate) fn freshness(&self, found: Option<&Entry<V>>, now: Timestamp, max_age: Option<Duration>) -> Freshness {
        match self.freshness_by_age(found, now, max_age) {
            Freshness::Aging | Freshness::Stale | Freshness::Expired if self.memory_ttl.is_some() => Freshness::Absent,
            freshness => freshness,
        }
    }

    /// Returns the freshness of `found` at `now`, for a request that accepts ages up to `max_age`.
    ///
    /// An entry is fresh before `fresh_until`, and not at `fresh_until`. An age of exactly `max_age` is accepted.
    pub(crate) fn freshness_by_age(
        &self,
        found: Option<&Entry<V>>,
        now: Timestamp,
        max_age: Option<Duration>,
    ) -> Freshness {
        let Some(entry) = found else { return Freshness::Absent };
        if is_older(entry, now, max_age) {
            Freshness::Expired
        } else if is_before(now, entry.renew_from) {
            Freshness::Fresh
        } else if is_before(now, entry.fresh_until) {
            Freshness::Aging
        } else if now < entry.fresh_until.after(self.serve_stale_for) {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }

    /// Whether `entry` may answer at `now` for a load that failed, a request that wants nothing older than `max_age`.
    pub(crate) fn is_better_than_an_error(&self, entry: &Entry<V>, now: Timestamp, max_age: Option<Duration>) -> bool {
        !is_older(entry, now, max_age) && is_before(now, entry.fresh_until.after(self.serve_stale_on_error))
    }

    /// Whether `entry` is past all use at `now`.
    pub(crate) fn is_spent(&self, entry: &Entry<V>, now: Timestamp) -> bool {
        !is_before(now, entry.fresh_until.after(self.serve_stale_for.max(self.serve_stale_on_error)))
    }
}

pub(crate) const TWO_TO_32: f64 = (1_u64 << 32) as f64;

fn is_older<V>(entry: &Entry<V>, now: Timestamp, max_age: Option<Duration>) -> bool {
    max_age.is_some_and(|max_age| now.since(entry.stored_at) > max_age)
}

/// Returns whether `now` is before `end`; always true for `NEVER`, even at the clock's last timestamp.
fn is_before(now: Timestamp, end: Timestamp) -> bool {
    now < end || end == Timestamp::NEVER
}

/// Returns how long before its expiry an entry with a load time of `cost` is refreshed early: `cost * beta * -ln(u)`, the
/// rule of "Optimal Probabilistic Cache Stampede Prevention" (Vattani, Chierichetti, Lowenstein, 2015).
///
/// The paper draws `u` for each request; here it is drawn once per entry. In one process the single flight lets only one
/// request load. So only the processes must be spread, and one draw per process is enough for that.
fn early(cost: Duration, beta: f64, u: f64) -> Duration {
    Duration::try_from_secs_f64(cost.as_secs_f64() * beta * -u.ln()).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Timestamp = Timestamp::from_nanos(77);

    fn policy(change: impl FnOnce(&mut Settings)) -> Policy<()> {
        let mut settings = Settings::default();
        change(&mut settings);
        Policy::new(None, &settings)
    }

    fn entry(policy: &Policy<()>) -> Entry<()> {
        policy.entry((), START, Duration::ZERO, 0)
    }

    fn at(seconds: u64) -> Timestamp {
        START.after(Duration::from_secs(seconds))
    }

    #[test]
    fn decide_matches_the_table() {
        use Decision::{Absent, Hit, HitAndRefresh, Load, LoadAndOverwrite, LoadUncached, Stale, StaleAndRefresh};
        let modes = [RequestMode::Normal, RequestMode::OnlyIfCached, RequestMode::Bypass, RequestMode::Overwrite];
        let table = [
            (Freshness::Absent, [Load, Absent, LoadUncached, LoadAndOverwrite]),
            (Freshness::Fresh, [Hit, Hit, LoadUncached, LoadAndOverwrite]),
            (Freshness::Aging, [HitAndRefresh, Hit, LoadUncached, LoadAndOverwrite]),
            (Freshness::Stale, [StaleAndRefresh, Stale, LoadUncached, LoadAndOverwrite]),
            (Freshness::Expired, [Load, Absent, LoadUncached, LoadAndOverwrite]),
        ];
        for (freshness, decisions) in table {
            assert_eq!(modes.map(|mode| decide(mode, freshness)), decisions, "{freshness:?}");
        }
    }

    /// Every combination of life, renewal, serving past it, age and wish, against what each of them means.
    #[test]
    fn freshness_follows_from_age() {
        let mut seen = [0; 5];
        for (ttl, ahead, stale_for, age, wanted) in combinations() {
            let policy = policy(|settings| {
                settings.stale_after = ttl.map(half_seconds);
                settings.refresh_ahead = half_seconds(ahead);
                settings.serve_stale_for = half_seconds(stale_for);
            });
            let now = START.after(half_seconds(age));
            let freshness = policy.freshness(Some(&entry(&policy)), now, wanted.map(half_seconds));
            let expected = match ttl {
                _ if wanted.is_some_and(|wanted| age > wanted) => Freshness::Expired,
                None => Freshness::Fresh,
                // Twice the age, since half of an odd life is no whole number.
                Some(ttl) if 2 * age < 2 * ttl - (2 * ahead).min(ttl) => Freshness::Fresh,
                Some(ttl) if age < ttl => Freshness::Aging,
                Some(ttl) if age < ttl + stale_for => Freshness::Stale,
                Some(_) => Freshness::Expired,
            };
            assert_eq!(freshness, expected, "{ttl:?} {ahead} {stale_for} {age} {wanted:?}");
            seen[freshness as usize] += 1;
        }
        assert_eq!(policy(|_| ()).freshness(None, START, None), Freshness::Absent);
        assert!(seen[1..].iter().all(|times| *times > 100), "{seen:?}");
    }

    fn half_seconds(halves: u64) -> Duration {
        SECOND / 2 * u32::try_from(halves).unwrap()
    }

    /// Life, renewed ahead, served past it, age, and the age a request wants, in half seconds.
    fn combinations() -> impl Iterator<Item = (Option<u64>, u64, u64, u64, Option<u64>)> {
        let optional = |most: u64| (0..most).map(Some).chain([None]);
        optional(7).flat_map(move |ttl| {
            (0..6).flat_map(move |ahead| {
                (0..4).flat_map(move |stale_for| {
                    (0..14).flat_map(move |age| optional(14).map(move |wanted| (ttl, ahead, stale_for, age, wanted)))
                })
            })
        })
    }

    #[test]
    fn entry_without_ttl_stays_fresh_and_entry_with_zero_ttl_never_is() {
        let freshness = |ttl: Option<Duration>, now| {
            let policy = policy(|settings| settings.stale_after = ttl);
            policy.freshness(Some(&entry(&policy)), now, None)
        };
        assert_eq!(freshness(None, Timestamp::NEVER), Freshness::Fresh);
        assert_eq!(freshness(Some(Duration::MAX), Timestamp::NEVER), Freshness::Fresh);
        assert_eq!(freshness(Some(Duration::ZERO), START), Freshness::Expired);
    }

    #[test]
    fn value_can_set_its_own_ttl() {
        let ttl_fn: TtlFn<u64> = Box::new(|seconds| (*seconds > 0).then(|| SECOND * (*seconds as u32)));
        let policy = Policy::new(Some(ttl_fn), &Settings { stale_after: Some(SECOND), ..Settings::default() });
        assert_eq!(policy.entry(7, START, SECOND, 0).fresh_until, START.after(7 * SECOND));
        let unlimited = policy.entry(0, START, SECOND, 0);
        assert_eq!((unlimited.renew_from, unlimited.fresh_until), (Timestamp::NEVER, Timestamp::NEVER));
    }

    #[test]
    fn jitter_shortens_a_life_by_at_most_its_share() {
        let hour = 3_600 * SECOND;
        let policy = policy(|settings| (settings.stale_after, settings.jitter) = (Some(hour), 0.25));
        let ttl = |random| policy.entry((), START, SECOND, random).fresh_until.since(START);
        assert_eq!(ttl(0), hour);
        assert_eq!(ttl(u64::MAX / 2).as_secs(), 3_150);
        assert!(ttl(u64::MAX) >= hour.mul_f64(0.75) && ttl(u64::MAX) < hour.mul_f64(0.7501));
    }

    #[test]
    fn expensive_entry_is_refreshed_earlier_by_its_load_time_on_average() {
        let policy = policy(|settings| (settings.stale_after, settings.early_expiration) = (Some(1_000 * SECOND), 2.0));
        let draws = 0..1_000_u64;
        // Every thousandth of the draw, so that their mean is the distribution's.
        let lead = |draw: u64| {
            let entry = policy.entry((), START, 5 * SECOND, (draw << 32) / 1_000 + (1 << 31) / 1_000);
            assert_eq!(entry.fresh_until, at(1_000));
            entry.fresh_until.since(entry.renew_from).as_secs_f64()
        };
        let mean = draws.map(lead).sum::<f64>() / 1_000.0;
        assert!((mean - 10.0).abs() < 0.05, "{mean}, not twice the 5 s of the load");
        let free = policy.entry((), START, Duration::ZERO, 1);
        assert_eq!(free.renew_from, free.fresh_until);
        let expensive = policy.entry((), START, 9_000 * SECOND, 1);
        assert_eq!(expensive.renew_from, at(500), "not in the first half of its TTL");
    }

    #[test]
    fn entry_is_kept_as_long_as_it_may_answer_any_request() {
        let policy = policy(|settings| {
            settings.stale_after = Some(10 * SECOND);
            (settings.serve_stale_for, settings.serve_stale_on_error) = (2 * SECOND, 5 * SECOND);
        });
        let entry = entry(&policy);
        let stands = |age| (policy.is_better_than_an_error(&entry, at(age), None), policy.is_spent(&entry, at(age)));
        assert_eq!([stands(0), stands(14), stands(15)], [(true, false), (true, false), (false, true)]);
        assert!(!policy.is_better_than_an_error(&entry, at(3), Some(2 * SECOND)), "it wants something younger");
    }
}
