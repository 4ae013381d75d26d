//! What a bounded sample of a cache's keys tells.

use std::time::Duration;

use cachescope_core::{EvictionReason, Moment, nanos};

use crate::insight::HALF_LIFE;
use crate::insight::amplification::{Amplification, Ended};
use crate::insight::candidate_lives::{CandidateLives, Unseen};
use crate::insight::key_sample::KeySample;
use crate::insight::key_table::SampledKey;
use crate::insight::life_tally::LifeTally;
use crate::insight::lifetimes::Lifetimes;
use crate::insight::sample::{Sample, Seen};

/// So far back reaches a working set at least.
const HOUR: u64 = 3_600_000_000_000;
/// After a half-life and so many requests, what was counted before counts half.
const MANY: f64 = 10_000.0;

/// There is a value whose storing was seen.
const STORED: u8 = 1;
/// It was stored by a load behind requests.
const BY_REFRESH: u8 = 2;
/// It has answered a request that didn't load it.
const READ: u8 = 4;
/// A load behind requests renewed it since the last request.
const RENEWED: u8 = 8;
/// The store holds nothing, because it was past its time and not for want of room.
const SWEPT: u8 = 16;
/// Requests may have been missed since the last that was seen.
const UNSURE: u8 = 32;

/// At most 4,096 keys, sampled by their hash, and what these tell: how entries would fare that lived longer or shorter,
/// how many keys are in use, and how many values are loaded for nothing.
///
/// All keys are sampled until they are too many; then those are dropped that nobody has asked for within the horizon
/// (an hour, or four times the life of entries if that is longer), and if that isn't enough the threshold falls, and
/// the keys above it are dropped. It rises again when the table has emptied.
///
/// Other lives ([`CandidateLives`]) are tried on the requests as they come. A request that finds nothing in the
/// store, for the key is new, or was evicted or invalidated, finds nothing with any life: so a store's size is taken
/// into account, as far as lives don't change what it evicts. What the user inserts, all lives have.
///
/// Gaps in what is seen are bridged by guesses, as good as their keys are hot: where most of the time is missed, and
/// keys are asked for only a few times in a life, other lives look too much like the one that entries have.
///
/// Takes 73 KiB at most, and 9 before the first event; an event takes some 50 ns.
#[derive(Debug)]
pub(crate) struct SampledKeys {
    sample: KeySample,
    /// How old a value may be that answers.
    life: u64,
    ttl: Option<Duration>,
    lives: CandidateLives,
    unseen: Unseen,
    tally: LifeTally,
    ended: Ended,
    /// When what was counted was last halved, and how many there then were.
    halved: (u64, f64),
}

impl SampledKeys {
    /// For a cache whose entries live so long and aren't renewed behind requests.
    #[cfg(test)]
    pub(crate) fn new(ttl: Option<Duration>) -> Self {
        Self::renewing(ttl, Duration::ZERO, Duration::ZERO)
    }

    /// For a cache whose entries live so long; `None` is for ever, or each as long as its value says. They are renewed
    /// behind requests so long before they expire, and so long after.
    pub(crate) fn renewing(ttl: Option<Duration>, ahead: Duration, stale: Duration) -> Self {
        let lives = CandidateLives::new(ttl, ahead, stale);
        let (shortest, longest) = (lives.ttls()[0], lives.ttls()[lives.ttls().len() - 1]);
        // Short beside the shortest life, and so long that 32 bits reach well beyond the longest.
        let unit = (shortest / 256).min(1_000_000).max(longest >> 29);
        let life = ttl.map_or(Duration::MAX, |ttl| ttl.saturating_add(stale));
        Self {
            sample: KeySample::new(unit, longest.max(HOUR)),
            life: nanos(life),
            ttl,
            lives,
            unseen: Unseen::new(),
            tally: LifeTally::default(),
            ended: Ended::default(),
            halved: (0, 0.0),
        }
    }

    /// Keys are sampled whose hash is below this. Changes as events come.
    pub(crate) fn threshold(&self) -> u64 {
        self.sample.threshold()
    }

    /// Takes an event of a sampled key. Others are ignored.
    pub(crate) fn see(&mut self, sample: &Sample) {
        if sample.hash >= self.threshold() {
            return;
        }
        let before = self.sample.now();
        self.sample.advance(sample.at.as_nanos(), &mut gone(&mut self.ended, self.life <= self.sample.horizon()));
        if before > 0 {
            self.unseen.advance(self.sample.now() - before);
        }
        self.decay();
        match sample.what {
            Seen::Hit { .. } | Seen::LoadedAbsent { .. } | Seen::LoadedExpired { .. } => self.request(sample),
            Seen::Refreshed { .. } => self.replace(sample.hash, STORED | BY_REFRESH | RENEWED),
            Seen::Left(EvictionReason::Expired) => self.replace(sample.hash, SWEPT),
            Seen::Left(_) => self.replace(sample.hash, 0),
        }
    }

    /// Events between the last one and the next weren't seen. What other lives would have of a key by then is guessed
    /// at its next request. Takes some microseconds.
    pub(crate) fn pause(&mut self) {
        self.unseen.pause();
        self.sample.pause(|key| key.flag(u8::MAX, UNSURE));
    }

    /// Hit rates by life, given the one there is. `None` before 1,000 requests were counted.
    pub(crate) fn lifetimes(&self, hit_rate: f64) -> Option<Lifetimes> {
        self.tally.lifetimes(&self.lives, self.ttl, hit_rate, self.sample.keys().len())
    }

    /// About how many keys were asked for within this time. `None` if it is longer than the horizon.
    pub(crate) fn working_set(&self, window: Duration, now: Moment) -> Option<u64> {
        self.sample.working_set(window, now.as_nanos())
    }

    /// How many of so many loads were for nothing. `None` before a value has ended. Looks at all keys.
    pub(crate) fn amplification(&self, loads: u64, now: Moment) -> Option<Amplification> {
        let mut ended = self.ended;
        let over = |key: &&SampledKey| now.as_nanos().saturating_sub(self.sample.last(key)) > self.life;
        for key in self.sample.keys().iter().filter(over) {
            end(&mut ended, key, self.sample.weight());
        }
        ended.amplification(loads)
    }

    /// Bytes it takes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.sample.memory()
    }

    fn request(&mut self, sample: &Sample) {
        let at = self.sample.now();
        let (place, is_new) = match self.sample.find(sample.hash) {
            Some(place) => (place, false),
            None => {
                match self.sample.insert(sample.hash, &mut gone(&mut self.ended, self.life <= self.sample.horizon())) {
                    Some(place) => (place, true),
                    None => return,
                }
            }
        };
        let (knows, weight) = (self.sample.knows(sample.hash), self.sample.weight());
        let last = self.sample.last(&self.sample.keys()[place]);
        let (slack, watched) = (2 * self.sample.unit(), self.sample.watched());
        self.sample.touch(place);
        let key = self.sample.key_mut(place);
        // When what answered was stored.
        let stored = match sample.what {
            Seen::Hit { age, .. } => Some(sample.at.as_nanos().saturating_sub(nanos(age))),
            _ => None,
        };
        let gap = if is_new { !knows } else { key.has(UNSURE) };
        let absent = matches!(sample.what, Seen::LoadedAbsent { .. }) && !key.has(SWEPT);
        let misses = match stored {
            _ if absent => {
                self.lives.load(&mut key.marks, at);
                Some(self.lives.all())
            }
            _ if is_new && !gap => Some(self.lives.first_request(&mut key.marks, at, stored)),
            // All that is known is when the cache loaded.
            _ if is_new => {
                let loaded = stored.unwrap_or(at);
                let apart = self.unseen.apart(watched);
                self.lives.load(&mut key.marks, loaded);
                let unseen = &mut self.unseen;
                stored.map(|_| self.lives.request_after_gap(&mut key.marks, loaded, at, None, apart, unseen))
            }
            _ if gap => {
                let apart = self.unseen.apart(at.saturating_sub(last));
                let unseen = &mut self.unseen;
                Some(self.lives.request_after_gap(&mut key.marks, last, at, stored, apart, unseen))
            }
            _ => {
                // By nothing that was seen, so by the user.
                let inserted = stored.filter(|stored| !key.has(RENEWED) && *stored > last + slack);
                Some(self.lives.request(&mut key.marks, last, at, inserted))
            }
        };
        if let Some(misses) = misses {
            self.tally.add(stored.is_none(), misses, weight);
        }
        if stored.is_some() {
            key.flag(RENEWED | SWEPT | UNSURE, READ);
        } else {
            end(&mut self.ended, key, weight);
            key.flag(u8::MAX, STORED);
        }
    }

    /// What the store had for this key ended, and something else took its place.
    fn replace(&mut self, hash: u64, flags: u8) {
        let Some(place) = self.sample.find(hash) else { return };
        let weight = self.sample.weight();
        let key = self.sample.key_mut(place);
        end(&mut self.ended, key, weight);
        key.flag(!UNSURE, flags);
    }

    fn decay(&mut self) {
        let (at, counted) = self.halved;
        if at == 0 {
            self.halved.0 = self.sample.now();
        } else if self.sample.now() - at >= nanos(HALF_LIFE) && self.tally.counted() - counted >= MANY {
            self.tally.halve();
            self.ended.halve();
            self.halved = (self.sample.now(), self.tally.counted());
        }
    }
}

/// Keys are dropped that nobody asked for in a long time, and their values, if these don't live that long, are over.
fn gone(ended: &mut Ended, values_too: bool) -> impl FnMut(&SampledKey, f64) {
    move |key, weight| {
        if values_too {
            end(ended, key, weight);
        }
    }
}

/// What the store held for a key ended.
fn end(ended: &mut Ended, key: &SampledKey, weight: f64) {
    if key.has(STORED) {
        ended.add(key.has(BY_REFRESH), key.has(READ), weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const START: u64 = 315_360_000 * SECOND;
    const MINUTE: Duration = Duration::from_secs(60);

    fn hash(key: u64) -> u64 {
        let mixed = (key ^ key << 40).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB)
    }

    fn see(keys: &mut SampledKeys, key: u64, millis: u64, what: Seen) {
        let at = Moment::from_nanos(START + millis * SECOND / 1000);
        keys.see(&Sample { hash: hash(key), at, what });
    }

    fn hit(age: Duration) -> Seen {
        Seen::Hit { age, weight: 1 }
    }

    const COLD: Seen = Seen::LoadedAbsent { weight: 1 };
    const EXPIRED: Seen = Seen::LoadedExpired { weight: 1 };

    /// What was seen of a cache without bounds, whose entries live so long, and of whose keys one is asked for every
    /// 10 ms, with some events missed; and its hit rate.
    fn run(ttl: Duration, modulus: u64, mut missed: impl FnMut(u64, &mut SampledKeys) -> bool) -> (SampledKeys, f64) {
        let (mut keys, mut stored, mut hits) = (SampledKeys::new(Some(ttl)), vec![None; modulus as usize], 0);
        for n in 0..300_000_u64 {
            // The low ones more often.
            let key = (hash(n + 1) >> 20) % modulus * (hash(n + 7) >> 33) % modulus;
            let held = &mut stored[key as usize];
            let age = held.map(|stored| Duration::from_millis(10 * (n - stored)));
            let what = match age {
                Some(age) if age < ttl => hit(age),
                _ => {
                    if held.is_some() {
                        EXPIRED
                    } else {
                        COLD
                    }
                }
            };
            match what {
                Seen::Hit { .. } => hits += 1,
                _ => *held = Some(n),
            }
            if !missed(n, &mut keys) {
                see(&mut keys, key, 10 * n, what);
            }
        }
        (keys, hits as f64 / 300_000.0)
    }

    fn errors(keys: &SampledKeys, hit_rate: f64, ttl: Duration, modulus: u64) -> f64 {
        let lifetimes = keys.lifetimes(hit_rate).unwrap();
        let error = |(num, den): (u32, u32)| {
            let real = run(ttl * num / den, modulus, |_, _| true).1;
            (lifetimes.hit_rate_with_ttl(ttl * num / den).unwrap() - real).abs()
        };
        [(1, 4), (1, 2), (2, 1), (3, 1), (4, 1)].map(error).into_iter().fold(0.0, f64::max)
    }

    #[test]
    fn it_tells_the_hit_rates_of_other_lives() {
        let (keys, hit_rate) = run(MINUTE, 3000, |_, _| false);
        assert!(errors(&keys, hit_rate, MINUTE, 3000) < 0.005, "{}", errors(&keys, hit_rate, MINUTE, 3000));
        let (keys, hit_rate) = run(MINUTE, 30_000, |_, _| false);
        assert!(keys.threshold() < u64::MAX / 4);
        assert!(errors(&keys, hit_rate, MINUTE, 30_000) < 0.02, "{}", errors(&keys, hit_rate, MINUTE, 30_000));
        assert!(keys.memory() < 74 << 10, "{}", keys.memory());
    }

    #[test]
    fn gaps_do_little_harm() {
        let (keys, hit_rate) = run(MINUTE, 3000, |n, keys| {
            if n % 60_000 == 50_000 {
                keys.pause();
            }
            n % 60_000 >= 50_000
        });
        assert!(errors(&keys, hit_rate, MINUTE, 3000) < 0.03, "{}", errors(&keys, hit_rate, MINUTE, 3000));
    }

    #[test]
    fn what_was_evicted_no_life_has_and_what_was_swept_longer_ones_have() {
        let mut keys = SampledKeys::new(Some(MINUTE));
        for (millis, what) in
            [(0, COLD), (61_000, COLD), (122_000, Seen::Left(EvictionReason::Expired)), (123_000, COLD)]
        {
            (0..2000).for_each(|n| see(&mut keys, n, millis, what));
        }
        let lifetimes = keys.lifetimes(0.0).unwrap();
        let rates: Vec<_> = lifetimes.points.iter().map(|point| (point.hit_rate * 100.0).round()).collect();
        assert_eq!(rates, [0.0, 0.0, 0.0, 33.0, 33.0]);
        assert_eq!((lifetimes.keys, lifetimes.ttl), (2000, Some(MINUTE)));
    }

    #[test]
    fn what_the_user_inserts_all_lives_have_and_what_is_renewed_behind_requests_only_the_cache() {
        for (refreshed, quarter) in [(true, 0.0), (false, 50.0)] {
            let mut keys = SampledKeys::new(Some(MINUTE));
            (0..1000).for_each(|n| see(&mut keys, n, 0, COLD));
            if refreshed {
                (0..1000).for_each(|n| see(&mut keys, n, 20_000, Seen::Refreshed { weight: 1 }));
            }
            (0..1000).for_each(|n| see(&mut keys, n, 30_000, hit(Duration::from_secs(10))));
            let rate = keys.lifetimes(0.5).unwrap().points[0].hit_rate * 100.0;
            assert!((rate - quarter).abs() < 0.1, "{rate}");
        }
    }

    #[test]
    fn values_that_nobody_asks_for_again_are_told() {
        let mut keys = SampledKeys::new(Some(MINUTE));
        let at = |secs: u64| Moment::from_nanos(START + secs * SECOND);
        (0..4).for_each(|n| see(&mut keys, n, 0, COLD));
        assert_eq!(keys.amplification(4, at(1)), None);
        see(&mut keys, 0, 1000, hit(Duration::from_secs(1)));
        // Of four that are past their time, one was read; and of two that were loaded behind requests, one.
        let told = keys.amplification(4, at(100)).unwrap();
        assert_eq!((told.loads, told.unread, told.unread_refreshes), (4, 0.75, 0.0));
        (0..2).for_each(|n| see(&mut keys, n, 50_000, Seen::Refreshed { weight: 1 }));
        see(&mut keys, 1, 51_000, hit(Duration::from_secs(1)));
        (0..2).for_each(|n| see(&mut keys, n, 52_000, Seen::Left(EvictionReason::Size)));
        let told = keys.amplification(6, at(100)).unwrap();
        assert_eq!((told.unread, told.unread_refreshes), (0.75, 0.5));
    }

    #[test]
    fn the_working_set_is_what_was_asked_for() {
        let mut keys = SampledKeys::new(None);
        (0..100).for_each(|n| see(&mut keys, n, n * 1000, COLD));
        let now = Moment::from_nanos(START + 99 * SECOND);
        assert_eq!(keys.working_set(Duration::from_millis(9500), now), Some(10));
        assert_eq!(keys.working_set(MINUTE * 60, now), Some(100));
        assert_eq!(keys.working_set(MINUTE * 61, now), None);
    }

    #[test]
    fn what_was_counted_long_ago_counts_less() {
        let mut keys = SampledKeys::new(None);
        (0..20_000).for_each(|n| see(&mut keys, n % 100, n, EXPIRED));
        (0..20_000).for_each(|n| see(&mut keys, n % 100, 4_000_000 + n, hit(Duration::from_millis(n))));
        assert!((keys.tally.counted() - 20_000.0).abs() < 10_001.0, "{}", keys.tally.counted());
    }
}
