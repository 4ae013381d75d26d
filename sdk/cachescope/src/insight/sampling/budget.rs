//! The CPU budget of the models.

use std::time::Duration;

use cachescope_core::Timestamp;

/// The number of samples in a run. It is so large that the effects at both ends hardly count.
const RUN: u32 = 4_096;

/// The mean interval of samples. A sample costs about 200 ns, so all samples take at most 1 % of a core.
const INTERVAL: Duration = Duration::from_micros(20);

/// Runs of samples, with pauses if requests come faster than the budget allows. Within a run no sample is skipped, so
/// intervals between requests for a key are exact. A lower sampling rate would cost the same, and show less.
#[derive(Debug)]
pub(crate) struct SamplingBudget {
    began: Timestamp,
    count: u32,
}

impl SamplingBudget {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { began: now, count: 0 }
    }

    /// Counts a sample. Returns the end of the pause, if this sample ends a run that was too fast.
    pub(crate) fn count_sample(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.count += 1;
        if self.count < RUN {
            return None;
        }
        let next = self.began.after(INTERVAL * RUN);
        *self = Self::new(now.max(next));
        (now < next).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(each: Duration, samples: u32) -> Vec<Duration> {
        let (mut now, mut pauses) = (Timestamp::from_nanos(0), Vec::new());
        let mut budget = SamplingBudget::new(now);
        for _ in 0..samples {
            now = now.after(each);
            if let Some(until) = budget.count_sample(now) {
                pauses.push(until.since(now));
                now = until;
            }
        }
        pauses
    }

    #[test]
    fn samples_within_the_budget_never_pause_and_faster_ones_take_one_percent_of_a_core() {
        assert!(pauses(INTERVAL, 10 * RUN).is_empty());
        let row = Duration::from_nanos(200) * RUN;
        assert_eq!(pauses(Duration::from_nanos(200), 3 * RUN), [INTERVAL * RUN - row; 3]);
    }
}
