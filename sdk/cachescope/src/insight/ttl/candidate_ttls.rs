//! The candidate TTLs that are simulated on sampled keys, besides the cache's own TTL.

use std::time::Duration;

use cachescope_core::nanos;

use crate::insight::ttl::gap_model::GapModel;

/// The largest number of candidates.
pub(crate) const MAX_CANDIDATES: usize = 5;

/// For each candidate, the time at which it stored its entry of a key: the last eight bits, in ticks of that candidate.
///
/// A store time, unlike an age, stays the same while the entry is hit, so rounding errors don't add up. Eight bits
/// suffice: a TTL has 121 to 240 ticks, and after a request no entry is older than its TTL.
pub(crate) type StoreTicks = [u8; MAX_CANDIDATES];

/// Candidate TTLs, and how a cache with such a TTL would answer requests. Times are in nanoseconds.
///
/// For a cache with a TTL, the candidates are 0.25, 0.5, 2 and 4 times that TTL. Otherwise they go from one second to
/// one hour.
///
/// Candidates refresh entries in the background as the cache does: equally long before expiry (but not in the first
/// half of the TTL) and equally long after it. Each such load is assumed to succeed and to take no time. Jitter and
/// early expiration, which shorten the TTL of single entries, aren't simulated.
#[derive(Debug)]
pub(crate) struct CandidateTtls {
    ttls: [u64; MAX_CANDIDATES],
    /// The tick of each candidate, as a power of two.
    ticks: [u32; MAX_CANDIDATES],
    count: usize,
    ahead: u64,
    stale: u64,
}

impl CandidateTtls {
    /// The largest number of ticks in a TTL. The rest of the eight bits covers requests whose time is only known to be
    /// not after some other time.
    const TICKS: u64 = 240;

    pub(crate) fn new(ttl: Option<Duration>, ahead: Duration, stale: Duration) -> Self {
        const SECOND: u64 = 1_000_000_000;
        let (ttls, count) = match ttl.map(nanos) {
            Some(ttl) => ([ttl / 4, ttl / 2, ttl.saturating_mul(2), ttl.saturating_mul(4), 0], 4),
            None => ([SECOND, 10 * SECOND, 60 * SECOND, 600 * SECOND, 3600 * SECOND], 5),
        };
        let ttls = ttls.map(|ttl| ttl.max(1));
        let ticks = ttls.map(|ttl| ttl.div_ceil(Self::TICKS).next_power_of_two().ilog2());
        Self { ttls, ticks, count, ahead: nanos(ahead), stale: nanos(stale) }
    }

    /// Returns the TTLs, shortest first.
    pub(crate) fn ttls(&self) -> &[u64] {
        &self.ttls[..self.count]
    }

    /// Returns a mask with one bit for each candidate.
    pub(crate) fn all(&self) -> u8 {
        (1 << self.count) - 1
    }

    /// Records that all candidates load at this time.
    pub(crate) fn load(&self, store_ticks: &mut StoreTicks, at: u64) {
        for (i, store_tick) in store_ticks[..self.count].iter_mut().enumerate() {
            *store_tick = self.store_tick(i, at);
        }
    }

    /// Records a request at `at`, where the previous request was not after `last`. A candidate whose entry is too old
    /// loads; returns one bit for each of these. If something else stored a value at `stored`, all candidates have it.
    pub(crate) fn request(&self, store_ticks: &mut StoreTicks, last: u64, at: u64, stored: Option<u64>) -> u8 {
        let mut misses = 0;
        for (i, store_tick) in store_ticks[..self.count].iter_mut().enumerate() {
            let held = self.stored_at(i, *store_tick, last).max(stored.unwrap_or(0));
            let (missed, held) = self.resolve(i, held, at);
            *store_tick = self.store_tick(i, held);
            misses |= u8::from(missed) << i;
        }
        misses
    }

    /// Records a request at `at`, where all candidates hold the value stored at `stored`, if any. Returns one bit for
    /// each candidate that loads.
    pub(crate) fn first_request(&self, store_ticks: &mut StoreTicks, at: u64, stored: Option<u64>) -> u8 {
        let Some(stored) = stored else {
            self.load(store_ticks, at);
            return self.all();
        };
        let mut misses = 0;
        for (i, store_tick) in store_ticks[..self.count].iter_mut().enumerate() {
            let (missed, held) = self.resolve(i, stored, at);
            *store_tick = self.store_tick(i, held);
            misses |= u8::from(missed) << i;
        }
        misses
    }

    /// Records a request at `at`, where the last observed one was not after `last`. The requests between them weren't
    /// observed, except the one that loaded the present value at `stored`, if any. Their times are drawn at random,
    /// with the mean interval `interval`. Returns one bit for each candidate that loads now.
    pub(crate) fn request_after_gap(
        &self,
        store_ticks: &mut StoreTicks,
        last: u64,
        at: u64,
        stored: Option<u64>,
        interval: u64,
        gaps: &mut GapModel,
    ) -> u8 {
        match stored.filter(|stored| *stored > last) {
            Some(stored) => {
                self.request_after_unseen(store_ticks, last, stored, interval, gaps);
                self.request_after_unseen(store_ticks, stored, at, interval, gaps)
            }
            None => self.request_after_unseen(store_ticks, last, at, interval, gaps),
        }
    }

    /// Records a request at `at`, with unobserved requests after `last`, at the mean interval `interval`.
    fn request_after_unseen(
        &self,
        store_ticks: &mut StoreTicks,
        last: u64,
        at: u64,
        interval: u64,
        gaps: &mut GapModel,
    ) -> u8 {
        let mut misses = 0;
        for (i, store_tick) in store_ticks[..self.count].iter_mut().enumerate() {
            let refresh_age = self.refresh_age(i);
            let mut age = at.saturating_sub(self.stored_at(i, *store_tick, last));
            // After many turns the position within a turn is as random as after 16.
            let turns = refresh_age.saturating_add(interval).saturating_mul(16);
            age = if age > turns { age % turns } else { age };
            while age >= refresh_age {
                let next = refresh_age.saturating_add(gaps.random_interval(interval));
                if age < next {
                    break;
                }
                age -= next;
            }
            let (missed, held) = self.resolve(i, at - age, at);
            *store_tick = self.store_tick(i, held);
            misses |= u8::from(missed) << i;
        }
        misses
    }

    /// Returns whether a candidate that holds the value stored at `stored` loads at `at`; and when the value that it
    /// then holds was stored.
    fn resolve(&self, i: usize, stored: u64, at: u64) -> (bool, u64) {
        let age = at.saturating_sub(stored);
        let missed = age >= self.ttls[i].saturating_add(self.stale);
        (missed, if age >= self.refresh_age(i) { at } else { stored })
    }

    /// Returns the age from which a request makes the candidate load, in the foreground or in the background.
    fn refresh_age(&self, i: usize) -> u64 {
        self.ttls[i].saturating_sub(self.ahead).max(self.ttls[i].div_ceil(2))
    }

    fn store_tick(&self, i: usize, at: u64) -> u8 {
        (at >> self.ticks[i]) as u8
    }

    /// Returns the middle of the marked tick: the last one before `last`.
    fn stored_at(&self, i: usize, store_tick: u8, last: u64) -> u64 {
        let tick = self.ticks[i];
        let last = last >> tick;
        let back = (last as u8).wrapping_sub(store_tick);
        (last.saturating_sub(u64::from(back)) << tick) + (1 << tick >> 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    /// Long after the clock's origin, as real timestamps are.
    const START: u64 = 315_360_000 * SECOND;

    fn candidates(ahead: u64, stale: u64) -> CandidateTtls {
        let secs = Duration::from_secs;
        CandidateTtls::new(Some(secs(40)), secs(ahead), secs(stale))
    }

    /// Returns how often each candidate loads, with one request every `every` nanoseconds, for `secs` seconds.
    fn loads(candidates: &CandidateTtls, every: u64, secs: u64) -> [u64; 4] {
        let (mut store_ticks, mut loads) = (StoreTicks::default(), [1; 4]);
        candidates.load(&mut store_ticks, START);
        let mut at = START;
        while at + every < START + secs * SECOND {
            let misses = candidates.request(&mut store_ticks, at, at + every, None);
            at += every;
            (0..4).for_each(|i| loads[i] += u64::from(misses >> i & 1));
        }
        loads
    }

    #[test]
    fn candidate_loads_when_its_ttl_is_over() {
        assert_eq!(candidates(0, 0).ttls(), [10, 20, 80, 160].map(|secs| secs * SECOND));
        // Within one tick.
        let loads = loads(&candidates(0, 0), SECOND / 10, 16_000);
        for (loads, about) in loads.into_iter().zip([1600_u64, 800, 200, 100]) {
            assert!(loads.abs_diff(about) <= about / 64, "{loads} of {about}");
        }
    }

    #[test]
    fn entry_refreshed_in_time_is_never_loaded_by_a_request() {
        assert_eq!(loads(&candidates(5, 0), SECOND, 10_000), [1; 4]);
        assert_eq!(loads(&candidates(0, 5), SECOND, 10_000), [1; 4]);
        // Requests are rare: only the longer TTLs are refreshed, in their last 60 seconds or their second half.
        assert_eq!(loads(&candidates(60, 0), 30 * SECOND, 3001), [101, 101, 1, 1]);
        assert_eq!(loads(&candidates(0, 25), 30 * SECOND, 3001), [1; 4]);
    }

    #[test]
    fn value_stored_by_others_is_in_all_candidates() {
        let (candidates, mut store_ticks) = (candidates(0, 0), StoreTicks::default());
        candidates.load(&mut store_ticks, START);
        assert_eq!(
            candidates.request(&mut store_ticks, START, START + 100 * SECOND, Some(START + 85 * SECOND)),
            0b0001
        );
        assert_eq!(candidates.first_request(&mut store_ticks, START, Some(START - 15 * SECOND)), 0b0001);
        assert_eq!(candidates.first_request(&mut store_ticks, START, None), 0b1111);
    }

    #[test]
    fn unobserved_requests_are_drawn_so_that_miss_rates_are_right() {
        // Requests come every second on average, and one in ten is observed.
        let (candidates, mut gaps, mut store_ticks) = (candidates(0, 0), GapModel::new(), StoreTicks::default());
        let mut misses = [0; 4];
        candidates.load(&mut store_ticks, START);
        let mut at = START;
        for _ in 0..100_000 {
            let last = at;
            at += gaps.random_interval(10 * SECOND);
            gaps.advance((at - last) / 10);
            gaps.pause();
            gaps.advance((at - last) / 10 * 9);
            let interval = gaps.mean_interval(at - last);
            let missed = candidates.request_after_gap(&mut store_ticks, last, at, None, interval, &mut gaps);
            (0..4).for_each(|i| misses[i] += u64::from(missed >> i & 1));
        }
        // With TTLs of 10, 20, 80 and 160 s, one request in 11, 21, 81 and 161 loads.
        for (misses, every) in misses.into_iter().zip([11, 21, 81, 161]) {
            let about = 100_000 / every;
            assert!(misses.abs_diff(about) < about / 3, "{misses} of {about}");
        }
    }

    #[test]
    fn extreme_ttls_do_not_overflow() {
        let candidates = CandidateTtls::new(Some(Duration::ZERO), Duration::ZERO, Duration::ZERO);
        let mut store_ticks = StoreTicks::default();
        assert_eq!(candidates.first_request(&mut store_ticks, START, Some(START - 1)), candidates.all());
        let candidates = CandidateTtls::new(Some(Duration::MAX), Duration::MAX, Duration::MAX);
        assert_eq!(candidates.first_request(&mut store_ticks, START, Some(0)), 0);
        assert_eq!(candidates.request(&mut store_ticks, START, u64::MAX - 1, None), 0);
        assert_eq!(
            candidates.request_after_gap(&mut store_ticks, START, u64::MAX - 1, None, 1, &mut GapModel::new()),
            0
        );
    }
}
