//! What happens while events aren't seen.

/// After so many nanoseconds the past counts half.
const RECENT: u64 = 60_000_000_000;

/// How much of the time isn't seen, and guesses at what happens in it: as much as in as much that is seen.
#[derive(Debug)]
pub(crate) struct Unseen {
    /// Nanoseconds of late, and how many of them weren't seen.
    time: u64,
    dark: u64,
    /// How long the last gap was.
    last: u64,
    in_gap: bool,
    random: u64,
}

impl Unseen {
    pub(crate) fn new() -> Self {
        Self { time: 0, dark: 0, last: 0, in_gap: false, random: 0x2545_F491_4F6C_DD1D }
    }

    /// The time until the next event isn't seen.
    pub(crate) fn pause(&mut self) {
        self.in_gap = true;
    }

    /// So much time passed since the event before this one.
    pub(crate) fn advance(&mut self, passed: u64) {
        self.time = self.time.saturating_add(passed);
        if std::mem::take(&mut self.in_gap) {
            self.dark = self.dark.saturating_add(passed);
            self.last = passed;
        }
        while self.time > 2 * RECENT {
            self.time /= 2;
            self.dark /= 2;
        }
    }

    /// How far apart unseen requests of a key are, on average, within so much time that had the last gap in it, and no
    /// request that was seen but for that at its end: in what wasn't seen, as far as that one was in what was.
    pub(crate) fn apart(&self, time: u64) -> u64 {
        let time = time as f64;
        let dark = (time * self.dark as f64 / self.time.max(1) as f64).max(self.last as f64).clamp(1.0, time.max(1.0));
        (((time - dark) * time / dark) as u64).max(1)
    }

    /// How long until the next request, where they come so far apart on average, and at random.
    pub(crate) fn wait(&mut self, mean: u64) -> u64 {
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
    fn requests_are_as_many_in_what_is_not_seen() {
        let mut unseen = Unseen::new();
        assert_eq!(unseen.apart(100), 9900);
        for _ in 0..1000 {
            unseen.advance(1000);
            unseen.pause();
            unseen.advance(3000);
        }
        // A quarter was seen, in which was one request; three are in the rest.
        assert_eq!((unseen.apart(300_000), unseen.apart(3100), unseen.apart(2000)), (100_000, 103, 1));
        unseen.advance(20 * RECENT);
        assert!(unseen.apart(RECENT) > RECENT * 9);
    }

    #[test]
    fn requests_wait_their_mean_on_average() {
        let mut unseen = Unseen::new();
        let waits: u64 = (0..100_000).map(|_| unseen.wait(1_000_000) / 1000).sum();
        assert!(waits.abs_diff(100_000_000) < 2_000_000, "{waits}");
    }
}
