use std::time::Duration;

use cachescope_exporter::Backoff;

/// Whether the same request may succeed later, by OTLP's specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    Soon,
    /// Not before this delay, which the destination asked for.
    After(Duration),
}

impl Retry {
    /// Returns the delays between the attempts of one export, before jitter: 0.2 s, doubled up to 5 s.
    pub(crate) const fn backoff() -> Backoff {
        Backoff::new(Duration::from_millis(200), Duration::from_secs(5), 0.5)
    }

    /// Returns the delay before the next attempt, if there is one. `random` is from 0 to 1.
    pub(crate) fn delay(self, backoff: &mut Backoff, random: f64) -> Option<Duration> {
        let asked = match self {
            Self::Never => return None,
            Self::Soon => Duration::ZERO,
            Self::After(asked) => asked,
        };
        // The delay that was asked for is a minimum. The exporters spread their attempts after it.
        Some(asked + backoff.next_delay(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit_and_spread() {
        let ms = Duration::from_millis;
        let mut backoff = Retry::backoff();
        let delays: Vec<_> = (0..7).map(|_| Retry::Soon.delay(&mut backoff, 0.0).unwrap()).collect();
        assert_eq!(delays, [200, 400, 800, 1600, 3200, 5000, 5000].map(ms));
        assert_eq!(Retry::Soon.delay(&mut Retry::backoff(), 1.0), Some(ms(100)));
    }

    #[test]
    fn delay_is_at_least_as_long_as_the_destination_asks() {
        let asked = Duration::from_secs(8);
        for random in [0.0, 0.5, 1.0] {
            assert!(Retry::After(asked).delay(&mut Retry::backoff(), random).unwrap() >= asked);
        }
        assert_eq!(Retry::Never.delay(&mut Retry::backoff(), 0.5), None);
    }
}
