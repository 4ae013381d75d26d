//! How long to wait before the next try: anything up to a limit that doubles, so that many processes don't come back at
//! once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// The limit after so many tries that failed.
fn limit(tries: u32) -> Duration {
    FIRST.saturating_mul(1u32.checked_shl(tries).unwrap_or(u32::MAX)).min(LONGEST)
}

/// A pause after so many tries that failed.
pub(crate) fn pause(tries: u32) -> Duration {
    limit(tries).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_doubles_up_to_an_end() {
        let limits: Vec<_> = [0, 1, 2, 5, 6, 31, 32, 1_000].map(|tries| limit(tries).as_millis()).into();
        assert_eq!(limits, [100, 200, 400, 3_200, 5_000, 5_000, 5_000, 5_000]);
    }

    #[test]
    fn pauses_are_spread_over_all_of_it() {
        let pauses: Vec<_> = (0..1_000).map(|_| pause(3)).collect();
        assert!(pauses.iter().all(|pause| *pause <= limit(3)));
        assert!(pauses.iter().any(|pause| *pause < limit(3) / 4) && pauses.iter().any(|p| *p > limit(3) * 3 / 4));
    }
}
