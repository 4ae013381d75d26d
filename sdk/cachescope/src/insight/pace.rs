//! How much of a core the models may take.

use std::time::Duration;

use cachescope_core::Moment;

/// Samples in a row: so many, that what is cut off at both ends of a row hardly counts.
const ROW: u32 = 4_096;

/// One sample in this time on average. One costs about 200 ns, so all together take a hundredth of a core at most.
const EACH: Duration = Duration::from_micros(20);

/// Rows of samples, with pauses where requests come faster than the models may go through them. Each row is whole, and
/// so is what it tells of how soon keys come again; a lower rate would be as cheap, and tell less.
#[derive(Debug)]
pub(super) struct Pace {
    began: Moment,
    taken: u32,
}

impl Pace {
    pub(super) const fn new(now: Moment) -> Self {
        Self { began: now, taken: 0 }
    }

    /// Counts a sample. Gives the time until which to take no more, if it was the last of a row that came too soon.
    pub(super) fn count(&mut self, now: Moment) -> Option<Moment> {
        self.taken += 1;
        if self.taken < ROW {
            return None;
        }
        let next = self.began.after(EACH * ROW);
        *self = Self::new(now.max(next));
        (now < next).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(each: Duration, samples: u32) -> Vec<Duration> {
        let (mut now, mut pauses) = (Moment::from_nanos(0), Vec::new());
        let mut pace = Pace::new(now);
        for _ in 0..samples {
            now = now.after(each);
            if let Some(until) = pace.count(now) {
                pauses.push(until.since(now));
                now = until;
            }
        }
        pauses
    }

    #[test]
    fn who_comes_at_the_pace_is_never_paused_and_who_is_faster_takes_a_hundredth_of_a_core() {
        assert!(pauses(EACH, 10 * ROW).is_empty());
        let row = Duration::from_nanos(200) * ROW;
        assert_eq!(pauses(Duration::from_nanos(200), 3 * ROW), [EACH * ROW - row; 3]);
    }
}
