//! Exponential decay of counts, with one half-life for all of insight.

use std::time::Duration;

use cachescope_core::Timestamp;

/// The age at which what was counted weighs half.
const HALF_LIFE: Duration = Duration::from_secs(3_600);

/// The timer of an exponential decay in steps: the owner halves its counts whenever a half-life has passed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Decay {
    halved_at: Option<Timestamp>,
}

impl Decay {
    /// Creates a decay whose first half-life begins at `now`.
    pub(crate) const fn starting_at(now: Timestamp) -> Self {
        Self { halved_at: Some(now) }
    }

    /// Returns the half-lives since the last halving. Without a start, the first half-life begins with the first call.
    ///
    /// Returns at most 64: after 64 halvings no count is left.
    pub(crate) fn half_lives(&mut self, now: Timestamp) -> u64 {
        let since = *self.halved_at.get_or_insert(now);
        (now.since(since).as_secs() / HALF_LIFE.as_secs()).min(64)
    }

    /// Begins the next half-life at `now`, after the owner has halved its counts.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.halved_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    #[test]
    fn half_lives_count_from_the_last_halving() {
        let at = Timestamp::from_nanos;
        let mut decay = Decay::default();
        assert_eq!(decay.half_lives(at(HOUR)), 0);
        assert_eq!([2 * HOUR - 1, 2 * HOUR, 4 * HOUR, 99 * HOUR].map(|now| decay.half_lives(at(now))), [0, 1, 3, 64]);
        decay.restart(at(4 * HOUR));
        assert_eq!(decay.half_lives(at(5 * HOUR)), 1);
        assert_eq!(Decay::starting_at(at(HOUR)).half_lives(at(3 * HOUR)), 2);
    }
}
