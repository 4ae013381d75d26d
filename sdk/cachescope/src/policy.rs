//! What an entry's age allows: pure functions of entry, time and what a request wishes.

use std::time::Duration;

use cachescope_core::{Cost, Entry, Moment};

use crate::settings::Settings;

/// How what was found stands at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing was found, or nothing was looked for.
    Absent,
    /// It may answer.
    Fresh,
    /// It may answer, and is to be renewed.
    Aging,
    /// Past its time, and still within what may be served while it is renewed.
    Stale,
    /// Of no use.
    Expired,
}

/// What one request wishes beyond its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// It wants nothing older, however fresh.
    pub(crate) max_age: Option<Duration>,
    pub(crate) mode: Mode,
    /// It wants to be told what happened.
    pub(crate) verbose: bool,
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
    /// Looks, and doesn't load.
    OnlyIfCached,
}

/// What is done about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Answer with the entry.
    Hit,
    /// Answer with the entry, and renew it behind the request.
    HitAndRenew,
    /// Answer with the entry, though it is past its time.
    Stale,
    /// The same, and renew it behind the request.
    StaleAndRenew,
    /// Load, or wait for a load under way.
    Load,
    /// Load alone, and leave the cache as it is.
    LoadAside,
    /// Load, and store over what is there.
    LoadOver,
    /// Answer that nothing is there.
    Nothing,
}

/// The whole table: what a request does that finds an entry so.
pub(crate) const fn decide(mode: Mode, found: Standing) -> Decision {
    match (mode, found) {
        (Mode::Bypass, _) => Decision::LoadAside,
        (Mode::Overwrite, _) => Decision::LoadOver,
        (_, Standing::Fresh) => Decision::Hit,
        (Mode::Usual, Standing::Aging) => Decision::HitAndRenew,
        (Mode::Usual, Standing::Stale) => Decision::StaleAndRenew,
        (Mode::Usual, Standing::Absent | Standing::Expired) => Decision::Load,
        (Mode::OnlyIfCached, Standing::Aging) => Decision::Hit,
        (Mode::OnlyIfCached, Standing::Stale) => Decision::Stale,
        (Mode::OnlyIfCached, Standing::Absent | Standing::Expired) => Decision::Nothing,
    }
}

/// How long an entry of this value is fresh; `None` is for ever.
pub(crate) type LifeOf<V> = Box<dyn Fn(&V) -> Option<Duration> + Send + Sync>;

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
    life: Life<V>,
    jitter: f64,
    refresh_ahead: Duration,
    early_expiration: f64,
    serve_stale_for: Duration,
    serve_stale_on_error: Duration,
    /// How long what is in memory is believed; `None` where nothing stands behind memory.
    memory_life: Option<Duration>,
}

impl<V> Policy<V> {
    /// `life_of` takes the place of the life that `settings` give all values.
    pub(crate) fn new(life_of: Option<LifeOf<V>>, settings: &Settings) -> Self {
        let same = || settings.stale_after.map_or(Life::Unlimited, Life::Same);
        Self {
            life: life_of.map_or_else(same, Life::Each),
            jitter: settings.jitter,
            refresh_ahead: settings.refresh_ahead,
            early_expiration: settings.early_expiration,
            serve_stale_for: settings.serve_stale_for,
            serve_stale_on_error: settings.serve_stale_on_error,
            memory_life: None,
        }
    }

    /// The same for a cache whose memory stands before a shared store, and is believed so long.
    #[cfg(feature = "shared")]
    pub(crate) fn before_shared_store(self, memory_life: Duration) -> Self {
        Self { memory_life: Some(memory_life), ..self }
    }

    /// How long before the end of its life an entry is renewed.
    pub(crate) fn refresh_ahead(&self) -> Duration {
        self.refresh_ahead
    }

    /// How long past its life it still answers while it is renewed.
    pub(crate) fn serve_stale_for(&self) -> Duration {
        self.serve_stale_for
    }

    /// How long entries live, where all live alike; `None` is for ever, or each as long as its value says.
    pub(crate) fn same_life(&self) -> Option<Duration> {
        match self.life {
            Life::Same(life) => Some(life),
            Life::Unlimited | Life::Each(_) => None,
        }
    }

    /// Whether any entry can expire.
    pub(crate) fn expires(&self) -> bool {
        !matches!(self.life, Life::Unlimited)
    }

    /// Whether a hit has to know the time.
    pub(crate) fn asks_for_time(&self) -> bool {
        self.expires() || self.memory_life.is_some()
    }

    /// Whether an error may be answered by an entry past its time.
    pub(crate) fn serves_stale_on_error(&self) -> bool {
        !self.serve_stale_on_error.is_zero()
    }

    /// The entry of `value` if it is stored at `stored_at` after a load that took `cost`; `random` is any number.
    pub(crate) fn entry(&self, value: V, stored_at: Moment, cost: Duration, random: u64) -> Entry<V> {
        let life = match &self.life {
            Life::Unlimited => None,
            Life::Same(life) => Some(*life),
            Life::Each(life_of) => life_of(&value),
        };
        let Some(life) = life else {
            return Entry { cost: Cost::of(cost), ..Entry::new(value, stored_at) };
        };
        // Two independent fractions: the first from 0 to below 1, the second from above 0 to 1.
        let (one, two) = ((random >> 32) as f64 / TWO_TO_32, ((random & 0xffff_ffff) + 1) as f64 / TWO_TO_32);
        let life = if self.jitter == 0.0 { life } else { life.mul_f64(1.0 - self.jitter * one) };
        let renew_from = stored_at.after(life - self.lead(life, cost, two));
        let fresh_until = stored_at.after(life);
        Entry { renew_from, fresh_until, cost: Cost::of(cost), ..Entry::new(value, stored_at) }
    }

    /// How long before the end of a life it is to be renewed; `u` is from above 0 to 1.
    fn lead(&self, life: Duration, cost: Duration, u: f64) -> Duration {
        // An entry isn't renewed in the first half of its life, or a short life would be all renewal.
        self.refresh_ahead.max(early(cost, self.early_expiration, u)).min(life / 2)
    }

    /// From when an entry is to be renewed that another process may have stored; each process draws for itself.
    #[cfg(feature = "shared")]
    pub(crate) fn renew_from(&self, stored_at: Moment, fresh_until: Moment, cost: Duration, random: u64) -> Moment {
        if fresh_until == Moment::NEVER {
            return Moment::NEVER;
        }
        let u = ((random & 0xffff_ffff) + 1) as f64 / TWO_TO_32;
        fresh_until.before(self.lead(fresh_until.since(stored_at), cost, u))
    }

    /// The same entry as it is kept in memory from `now` on: it answers for as long as memory is believed.
    pub(crate) fn in_memory(&self, entry: Entry<V>, now: Moment) -> Entry<V> {
        match self.memory_life {
            None => entry,
            Some(life) => Entry { renew_from: entry.renew_from.min(now.after(life)), ..entry },
        }
    }

    /// How long an entry is of any use from `now` on; `None` is for ever.
    #[cfg(feature = "shared")]
    pub(crate) fn use_left(&self, entry: &Entry<V>, now: Moment) -> Option<Duration> {
        let spent = entry.fresh_until.after(self.serve_stale_for.max(self.serve_stale_on_error));
        (spent != Moment::NEVER).then(|| spent.since(now))
    }

    /// How what is in memory stands at `now` for a request that wants nothing older than `max_age`. Before a shared
    /// store it answers or it doesn't: what is aging or past its time there, that store knows better.
    pub(crate) fn standing(&self, found: Option<&Entry<V>>, now: Moment, max_age: Option<Duration>) -> Standing {
        match self.true_standing(found, now, max_age) {
            Standing::Aging | Standing::Stale | Standing::Expired if self.memory_life.is_some() => Standing::Absent,
            standing => standing,
        }
    }

    /// How `found` stands at `now` for a request that wants nothing older than `max_age`.
    ///
    /// It is fresh before `fresh_until`, and no longer at it; an age of `max_age` is not too old.
    pub(crate) fn true_standing(&self, found: Option<&Entry<V>>, now: Moment, max_age: Option<Duration>) -> Standing {
        let Some(entry) = found else { return Standing::Absent };
        if is_older(entry, now, max_age) {
            Standing::Expired
        } else if is_before(now, entry.renew_from) {
            Standing::Fresh
        } else if is_before(now, entry.fresh_until) {
            Standing::Aging
        } else if now < entry.fresh_until.after(self.serve_stale_for) {
            Standing::Stale
        } else {
            Standing::Expired
        }
    }

    /// Whether `entry` may answer at `now` for a load that failed, a request that wants nothing older than `max_age`.
    pub(crate) fn is_better_than_an_error(&self, entry: &Entry<V>, now: Moment, max_age: Option<Duration>) -> bool {
        !is_older(entry, now, max_age) && is_before(now, entry.fresh_until.after(self.serve_stale_on_error))
    }

    /// Whether `entry` is past all use at `now`.
    pub(crate) fn is_spent(&self, entry: &Entry<V>, now: Moment) -> bool {
        !is_before(now, entry.fresh_until.after(self.serve_stale_for.max(self.serve_stale_on_error)))
    }
}

const TWO_TO_32: f64 = (1_u64 << 32) as f64;

fn is_older<V>(entry: &Entry<V>, now: Moment, max_age: Option<Duration>) -> bool {
    max_age.is_some_and(|max_age| now.since(entry.stored_at) > max_age)
}

/// Also at a `now` that the clock can't count beyond.
fn is_before(now: Moment, end: Moment) -> bool {
    now < end || end == Moment::NEVER
}

/// How long before its end an entry is renewed early that took `cost` to load, by the rule of "Optimal Probabilistic
/// Cache Stampede Prevention" (Vattani, Chierichetti, Lowenstein, 2015): `cost * beta * -ln(u)`.
///
/// They draw `u` anew for each request; here it is drawn once an entry. Of the requests of one process a single one
/// loads anyhow, so what is to be spread are the processes, and for these a draw each is enough.
fn early(cost: Duration, beta: f64, u: f64) -> Duration {
    Duration::try_from_secs_f64(cost.as_secs_f64() * beta * -u.ln()).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Moment = Moment::from_nanos(77);

    fn policy(change: impl FnOnce(&mut Settings)) -> Policy<()> {
        let mut settings = Settings::default();
        change(&mut settings);
        Policy::new(None, &settings)
    }

    fn entry(policy: &Policy<()>) -> Entry<()> {
        policy.entry((), START, Duration::ZERO, 0)
    }

    fn at(seconds: u64) -> Moment {
        START.after(Duration::from_secs(seconds))
    }

    #[test]
    fn the_table_of_decisions_is_this() {
        use Decision::{Hit, HitAndRenew, Load, LoadAside, LoadOver, Nothing, Stale, StaleAndRenew};
        let modes = [Mode::Usual, Mode::OnlyIfCached, Mode::Bypass, Mode::Overwrite];
        let table = [
            (Standing::Absent, [Load, Nothing, LoadAside, LoadOver]),
            (Standing::Fresh, [Hit, Hit, LoadAside, LoadOver]),
            (Standing::Aging, [HitAndRenew, Hit, LoadAside, LoadOver]),
            (Standing::Stale, [StaleAndRenew, Stale, LoadAside, LoadOver]),
            (Standing::Expired, [Load, Nothing, LoadAside, LoadOver]),
        ];
        for (standing, decisions) in table {
            assert_eq!(modes.map(|mode| decide(mode, standing)), decisions, "{standing:?}");
        }
    }

    /// Every combination of life, renewal, serving past it, age and wish, against what each of them means.
    #[test]
    fn how_an_entry_stands_follows_from_its_age() {
        let mut seen = [0; 5];
        for (life, ahead, stale_for, age, wanted) in combinations() {
            let policy = policy(|settings| {
                settings.stale_after = life.map(half_seconds);
                settings.refresh_ahead = half_seconds(ahead);
                settings.serve_stale_for = half_seconds(stale_for);
            });
            let now = START.after(half_seconds(age));
            let standing = policy.standing(Some(&entry(&policy)), now, wanted.map(half_seconds));
            let expected = match life {
                _ if wanted.is_some_and(|wanted| age > wanted) => Standing::Expired,
                None => Standing::Fresh,
                // Twice the age, since half of an odd life is no whole number.
                Some(life) if 2 * age < 2 * life - (2 * ahead).min(life) => Standing::Fresh,
                Some(life) if age < life => Standing::Aging,
                Some(life) if age < life + stale_for => Standing::Stale,
                Some(_) => Standing::Expired,
            };
            assert_eq!(standing, expected, "{life:?} {ahead} {stale_for} {age} {wanted:?}");
            seen[standing as usize] += 1;
        }
        assert_eq!(policy(|_| ()).standing(None, START, None), Standing::Absent);
        assert!(seen[1..].iter().all(|times| *times > 100), "{seen:?}");
    }

    fn half_seconds(halves: u64) -> Duration {
        SECOND / 2 * u32::try_from(halves).unwrap()
    }

    /// Life, renewed ahead, served past it, age, and the age a request wants, in half seconds.
    fn combinations() -> impl Iterator<Item = (Option<u64>, u64, u64, u64, Option<u64>)> {
        let optional = |most: u64| (0..most).map(Some).chain([None]);
        optional(7).flat_map(move |life| {
            (0..6).flat_map(move |ahead| {
                (0..4).flat_map(move |stale_for| {
                    (0..14).flat_map(move |age| optional(14).map(move |wanted| (life, ahead, stale_for, age, wanted)))
                })
            })
        })
    }

    #[test]
    fn what_never_ends_stays_fresh_and_what_has_no_life_never_is() {
        let standing = |life: Option<Duration>, now| {
            let policy = policy(|settings| settings.stale_after = life);
            policy.standing(Some(&entry(&policy)), now, None)
        };
        assert_eq!(standing(None, Moment::NEVER), Standing::Fresh);
        assert_eq!(standing(Some(Duration::MAX), Moment::NEVER), Standing::Fresh);
        assert_eq!(standing(Some(Duration::ZERO), START), Standing::Expired);
    }

    #[test]
    fn a_value_can_say_how_long_it_is_fresh() {
        let life_of: LifeOf<u64> = Box::new(|seconds| (*seconds > 0).then(|| SECOND * (*seconds as u32)));
        let policy = Policy::new(Some(life_of), &Settings { stale_after: Some(SECOND), ..Settings::default() });
        assert_eq!(policy.entry(7, START, SECOND, 0).fresh_until, START.after(7 * SECOND));
        let unlimited = policy.entry(0, START, SECOND, 0);
        assert_eq!((unlimited.renew_from, unlimited.fresh_until), (Moment::NEVER, Moment::NEVER));
    }

    #[test]
    fn jitter_shortens_a_life_by_at_most_its_share() {
        let hour = 3_600 * SECOND;
        let policy = policy(|settings| (settings.stale_after, settings.jitter) = (Some(hour), 0.25));
        let life = |random| policy.entry((), START, SECOND, random).fresh_until.since(START);
        assert_eq!(life(0), hour);
        assert_eq!(life(u64::MAX / 2).as_secs(), 3_150);
        assert!(life(u64::MAX) >= hour.mul_f64(0.75) && life(u64::MAX) < hour.mul_f64(0.7501));
    }

    #[test]
    fn what_was_dear_to_load_is_renewed_earlier_on_average_by_its_cost() {
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
        let dear = policy.entry((), START, 9_000 * SECOND, 1);
        assert_eq!(dear.renew_from, at(500), "not in the first half of its life");
    }

    #[test]
    fn an_entry_is_of_use_as_long_as_anything_may_be_answered_with_it() {
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
