use std::time::Duration;

/// The delays between attempts: exponential, with jitter.
///
/// Each delay is twice the one before, up to a limit, less a random part of it. The random part spreads the attempts of
/// many processes that lost their destination at the same time.
///
/// ```
/// use std::time::Duration;
/// use cachescope_exporter::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 0.5);
/// assert_eq!(backoff.next_delay(0.0), Duration::from_millis(100));
/// assert_eq!(backoff.next_delay(1.0), Duration::from_millis(100)); // half of 200
/// ```
#[doc(alias = "exponential backoff")]
#[doc(alias = "jitter")]
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
    jitter: f64,
}

impl Backoff {
    /// Creates delays that begin at `first` and grow to `longest`. `jitter`, from 0 to 1, is the part of each delay that
    /// is random: at 0 none, at 1 all of it.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration, jitter: f64) -> Self {
        Self { next: first, longest, jitter }
    }

    /// Returns the next delay. `random` is a random number from 0 to 1.
    pub fn next_delay(&mut self, random: f64) -> Duration {
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.longest);
        delay.mul_f64(1.0 - self.jitter * random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn delays_double_up_to_the_limit() {
        let mut backoff = Backoff::new(MS(200), MS(5_000), 0.5);
        let delays: Vec<_> = (0..7).map(|_| backoff.next_delay(0.0)).collect();
        assert_eq!(delays, [200, 400, 800, 1_600, 3_200, 5_000, 5_000].map(MS));
        let mut backoff = Backoff::new(MS(100), MS(5_000), 1.0);
        let delays: Vec<_> = (0..1_000).map(|_| backoff.next_delay(0.0)).collect();
        assert_eq!(
            [0, 1, 2, 5, 6, 31, 32, 999].map(|at| delays[at]),
            [100, 200, 400, 3_200, 5_000, 5_000, 5_000, 5_000].map(MS)
        );
    }

    #[test]
    fn delays_spread_over_the_part_that_is_random() {
        for (jitter, random, expected) in [(0.5, 1.0, 100), (0.5, 0.5, 150), (1.0, 1.0, 0), (1.0, 0.25, 150)] {
            assert_eq!(Backoff::new(MS(200), MS(5_000), jitter).next_delay(random), MS(expected));
        }
    }
}
