//! A model of the requests that are missed while sampling pauses.

/// The nanoseconds after which older times count half.
const WINDOW: u64 = 60_000_000_000;

/// Measures the share of the time in which events are missed, and draws plausible requests for it. The request rate is
/// assumed to be the same there as in the observed time.
#[derive(Debug)]
pub(crate) struct GapModel {
    /// Recent nanoseconds, and how many of them weren't observed.
    time: u64,
    unseen: u64,
    /// The length of the last gap.
    last: u64,
    in_gap: bool,
    random: u64,
}

impl GapModel {
    pub(crate) fn new() -> Self {
        Self { time: 0, unseen: 0, last: 0, in_gap: false, random: 0x2545_F491_4F6C_DD1D }
    }

    /// Marks the time until the next event as unobserved.
    pub(crate) fn pause(&mut self) {
        self.in_gap = true;
    }

    /// Records the nanoseconds since the previous event.
    pub(crate) fn advance(&mut self, passed: u64) {
        self.time = self.time.saturating_add(passed);
        if std::mem::take(&mut self.in_gap) {
            self.unseen = self.unseen.saturating_add(passed);
            self.last = passed;
        }
        while self.time > 2 * WINDOW {
            self.time /= 2;
            self.unseen /= 2;
        }
    }

    /// Returns the mean interval between the unobserved requests of a key, within `time` nanoseconds. That time
    /// contains the last gap, and one observed request at its end. The rate in the gap is taken from the observed rest.
    pub(crate) fn mean_interval(&self, time: u64) -> u64 {
        let time = time as f64;
        let unseen =
            (time * self.unseen as f64 / self.time.max(1) as f64).max(self.last as f64).clamp(1.0, time.max(1.0));
        (((time - unseen) * time / unseen) as u64).max(1)
    }

    /// Returns a random interval until the next request, exponentially distributed around `mean`.
    pub(crate) fn random_interval(&mut self, mean: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = ((self.random >> 11) as f64 + 0.5) / 2_f64.powi(53);
        (-share.ln() * mean as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_rate_in_gaps_equals_the_observed_rate() {
        let mut gaps = GapModel::new();
        assert_eq!(gaps.mean_interval(100), 9900);
        for _ in 0..1000 {
            gaps.advance(1000);
            gaps.pause();
            gaps.advance(3000);
        }
        // A quarter was observed, with one request in it. So the rest has three.
        assert_eq!(
            (gaps.mean_interval(300_000), gaps.mean_interval(3100), gaps.mean_interval(2000)),
            (100_000, 103, 1)
        );
        gaps.advance(20 * WINDOW);
        assert!(gaps.mean_interval(WINDOW) > WINDOW * 9);
    }

    #[test]
    fn random_intervals_have_the_given_mean() {
        let mut gaps = GapModel::new();
        let waits: u64 = (0..100_000).map(|_| gaps.random_interval(1_000_000) / 1000).sum();
        assert!(waits.abs_diff(100_000_000) < 2_000_000, "{waits}");
    }
}
