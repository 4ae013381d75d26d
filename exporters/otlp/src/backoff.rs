//! How long to wait between two attempts.

use std::time::Duration;

use crate::failure::Retry;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles with each attempt, less a random part of up to half, so that a fleet that lost its collector at one moment
/// doesn't come back to it at one moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// How long to wait now, if at all. `random` is from 0 to 1.
    pub(crate) fn wait(&mut self, retry: Retry, random: f64) -> Option<Duration> {
        let asked = match retry {
            Retry::Never => return None,
            Retry::Soon => Duration::ZERO,
            Retry::After(asked) => asked,
        };
        let delay = self.next;
        self.next = (2 * delay).min(LONGEST);
        // What was asked for is a minimum, on top of which all still spread.
        Some(asked + delay.mul_f64(1.0 - random / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit_and_spread() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..7).map(|_| backoff.wait(Retry::Soon, 0.0).unwrap()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000].map(ms));
        assert_eq!(Backoff::new().wait(Retry::Soon, 1.0), Some(ms(100)));
    }

    #[test]
    fn the_destination_s_word_is_a_minimum_and_never_is_never() {
        let asked = Duration::from_secs(8);
        for random in [0.0, 0.5, 1.0] {
            assert!(Backoff::new().wait(Retry::After(asked), random).unwrap() >= asked);
        }
        assert_eq!(Backoff::new().wait(Retry::Never, 0.5), None);
    }
}
