//! The lives that are tried out on sampled keys, beside the one that entries have.

mod unseen;

use std::time::Duration;

use cachescope_core::nanos;

pub(crate) use self::unseen::Unseen;

/// The most there are.
pub(crate) const MOST: usize = 5;

/// For each candidate, when it stored what it holds of a key: in its ticks, the last eight bits.
///
/// A time to store, unlike an age, stays as it is while the entry is hit, so nothing adds up that was rounded off.
/// The last eight bits are enough because a life has at most 240 ticks (and more than 120), and what a request left
/// behind is younger than that.
pub(crate) type Marks = [u8; MOST];

/// Lives that entries could have, and what a cache with such entries would do about a request. Times are nanoseconds.
///
/// With the life that entries have, a quarter, half, twice and four times of it are tried; without one, a second to an
/// hour. Candidates renew entries behind requests as the cache is set to: as long before their end (not in the first
/// half of a life) and as long after it. That each such load succeeds, and takes no time, is assumed; what makes
/// single entries live shorter (jitter, early expiration) isn't tried.
#[derive(Debug)]
pub(crate) struct CandidateLives {
    ttls: [u64; MOST],
    /// A tick of each: so many times doubled.
    ticks: [u32; MOST],
    count: usize,
    ahead: u64,
    stale: u64,
}

impl CandidateLives {
    /// The most in a life. The rest of what eight bits tell is for requests that are only known to be not after a time.
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

    /// Shortest first.
    pub(crate) fn ttls(&self) -> &[u64] {
        &self.ttls[..self.count]
    }

    /// A mask with a bit for each.
    pub(crate) fn all(&self) -> u8 {
        (1 << self.count) - 1
    }

    /// All of them load at this time.
    pub(crate) fn load(&self, marks: &mut Marks, at: u64) {
        for (i, mark) in marks[..self.count].iter_mut().enumerate() {
            *mark = self.mark(i, at);
        }
    }

    /// A request at `at`, and the last one before it not after `last`. Who finds what it holds too old loads; gives a
    /// bit for each of these. What was stored by somebody else at `stored`, all of them have.
    pub(crate) fn request(&self, marks: &mut Marks, last: u64, at: u64, stored: Option<u64>) -> u8 {
        let mut misses = 0;
        for (i, mark) in marks[..self.count].iter_mut().enumerate() {
            let held = self.stored_at(i, *mark, last).max(stored.unwrap_or(0));
            let (missed, held) = self.look(i, held, at);
            *mark = self.mark(i, held);
            misses |= u8::from(missed) << i;
        }
        misses
    }

    /// A request at `at`, where all hold what was stored at `stored`, if anything. Gives a bit for each that loads.
    pub(crate) fn first_request(&self, marks: &mut Marks, at: u64, stored: Option<u64>) -> u8 {
        let Some(stored) = stored else {
            self.load(marks, at);
            return self.all();
        };
        let mut misses = 0;
        for (i, mark) in marks[..self.count].iter_mut().enumerate() {
            let (missed, held) = self.look(i, stored, at);
            *mark = self.mark(i, held);
            misses |= u8::from(missed) << i;
        }
        misses
    }

    /// A request at `at`, and the last one seen not after `last`; others in between weren't seen, but for the one that
    /// loaded at `stored` what answered, if anything did. When these were is drawn at random, so far apart on average.
    /// Gives a bit for each that loads now.
    pub(crate) fn request_after_gap(
        &self,
        marks: &mut Marks,
        last: u64,
        at: u64,
        stored: Option<u64>,
        apart: u64,
        unseen: &mut Unseen,
    ) -> u8 {
        match stored.filter(|stored| *stored > last) {
            Some(stored) => {
                self.request_after_unseen(marks, last, stored, apart, unseen);
                self.request_after_unseen(marks, stored, at, apart, unseen)
            }
            None => self.request_after_unseen(marks, last, at, apart, unseen),
        }
    }

    /// A request at `at`, with others after `last`, so far apart.
    fn request_after_unseen(&self, marks: &mut Marks, last: u64, at: u64, apart: u64, unseen: &mut Unseen) -> u8 {
        let mut misses = 0;
        for (i, mark) in marks[..self.count].iter_mut().enumerate() {
            let renewed_from = self.renewed_from(i);
            let mut age = at.saturating_sub(self.stored_at(i, *mark, last));
            // Where it stands after many turns is the same as after some.
            let turns = renewed_from.saturating_add(apart).saturating_mul(16);
            age = if age > turns { age % turns } else { age };
            while age >= renewed_from {
                let next = renewed_from.saturating_add(unseen.wait(apart));
                if age < next {
                    break;
                }
                age -= next;
            }
            let (missed, held) = self.look(i, at - age, at);
            *mark = self.mark(i, held);
            misses |= u8::from(missed) << i;
        }
        misses
    }

    /// Whether a candidate loads at `at` that holds what was stored at `stored`; and when what it then holds was.
    fn look(&self, i: usize, stored: u64, at: u64) -> (bool, u64) {
        let age = at.saturating_sub(stored);
        let missed = age >= self.ttls[i].saturating_add(self.stale);
        (missed, if age >= self.renewed_from(i) { at } else { stored })
    }

    /// From which age on a request has an entry loaded anew, itself or behind its back.
    fn renewed_from(&self, i: usize) -> u64 {
        self.ttls[i].saturating_sub(self.ahead).max(self.ttls[i].div_ceil(2))
    }

    fn mark(&self, i: usize, at: u64) -> u8 {
        (at >> self.ticks[i]) as u8
    }

    /// The middle of the tick that is marked: the last such before `last`.
    fn stored_at(&self, i: usize, mark: u8, last: u64) -> u64 {
        let tick = self.ticks[i];
        let last = last >> tick;
        let back = (last as u8).wrapping_sub(mark);
        (last.saturating_sub(u64::from(back)) << tick) + (1 << tick >> 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    /// Long after the clock's origin, as moments are.
    const START: u64 = 315_360_000 * SECOND;

    fn lives(ahead: u64, stale: u64) -> CandidateLives {
        let secs = Duration::from_secs;
        CandidateLives::new(Some(secs(40)), secs(ahead), secs(stale))
    }

    /// How often each loads if asked once in `every` nanos for so many seconds.
    fn loads(lives: &CandidateLives, every: u64, secs: u64) -> [u64; 4] {
        let (mut marks, mut loads) = (Marks::default(), [1; 4]);
        lives.load(&mut marks, START);
        let mut at = START;
        while at + every < START + secs * SECOND {
            let misses = lives.request(&mut marks, at, at + every, None);
            at += every;
            (0..4).for_each(|i| loads[i] += u64::from(misses >> i & 1));
        }
        loads
    }

    #[test]
    fn each_loads_when_its_time_is_over() {
        assert_eq!(lives(0, 0).ttls(), [10, 20, 80, 160].map(|secs| secs * SECOND));
        // Within a tick.
        let loads = loads(&lives(0, 0), SECOND / 10, 16_000);
        for (loads, about) in loads.into_iter().zip([1600_u64, 800, 200, 100]) {
            assert!(loads.abs_diff(about) <= about / 64, "{loads} of {about}");
        }
    }

    #[test]
    fn what_is_renewed_in_time_is_never_loaded_by_a_request() {
        assert_eq!(loads(&lives(5, 0), SECOND, 10_000), [1; 4]);
        assert_eq!(loads(&lives(0, 5), SECOND, 10_000), [1; 4]);
        // Asked for too seldom: only the longer ones are renewed in their last 60, or half.
        assert_eq!(loads(&lives(60, 0), 30 * SECOND, 3001), [101, 101, 1, 1]);
        assert_eq!(loads(&lives(0, 25), 30 * SECOND, 3001), [1; 4]);
    }

    #[test]
    fn what_somebody_else_stores_all_have() {
        let (lives, mut marks) = (lives(0, 0), Marks::default());
        lives.load(&mut marks, START);
        assert_eq!(lives.request(&mut marks, START, START + 100 * SECOND, Some(START + 85 * SECOND)), 0b0001);
        assert_eq!(lives.first_request(&mut marks, START, Some(START - 15 * SECOND)), 0b0001);
        assert_eq!(lives.first_request(&mut marks, START, None), 0b1111);
    }

    #[test]
    fn what_was_not_seen_is_guessed_so_that_the_share_of_misses_is_right() {
        // Of requests a second apart on average, one in ten is seen.
        let (lives, mut unseen, mut marks) = (lives(0, 0), Unseen::new(), Marks::default());
        let mut misses = [0; 4];
        lives.load(&mut marks, START);
        let mut at = START;
        for _ in 0..100_000 {
            let last = at;
            at += unseen.wait(10 * SECOND);
            unseen.advance((at - last) / 10);
            unseen.pause();
            unseen.advance((at - last) / 10 * 9);
            let apart = unseen.apart(at - last);
            let missed = lives.request_after_gap(&mut marks, last, at, None, apart, &mut unseen);
            (0..4).for_each(|i| misses[i] += u64::from(missed >> i & 1));
        }
        // With lives of 10, 20, 80 and 160 s one in so many loads, and one more.
        for (misses, every) in misses.into_iter().zip([11, 21, 81, 161]) {
            let about = 100_000 / every;
            assert!(misses.abs_diff(about) < about / 3, "{misses} of {about}");
        }
    }

    #[test]
    fn lives_of_no_time_do_no_harm() {
        let lives = CandidateLives::new(Some(Duration::ZERO), Duration::ZERO, Duration::ZERO);
        let mut marks = Marks::default();
        assert_eq!(lives.first_request(&mut marks, START, Some(START - 1)), lives.all());
        let lives = CandidateLives::new(Some(Duration::MAX), Duration::MAX, Duration::MAX);
        assert_eq!(lives.first_request(&mut marks, START, Some(0)), 0);
        assert_eq!(lives.request(&mut marks, START, u64::MAX - 1, None), 0);
        assert_eq!(lives.request_after_gap(&mut marks, START, u64::MAX - 1, None, 1, &mut Unseen::new()), 0);
    }
}
