//! What entries saved the requests they answered: an estimate, which only grows.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::nanos;

/// Many requests or loads, and how long they took together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) count: u64,
    pub(super) sum: Duration,
}

impl Taken {
    fn mean(self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(nanos(self.sum) / self.count))
    }
}

/// Requests that entries answered, and those of them that were timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) count: u64,
    pub(super) timed: Taken,
}

/// What was saved until it was last asked.
#[derive(Debug, Default)]
pub(super) struct Savings(Mutex<Saved>);

#[derive(Debug, Default)]
struct Saved {
    /// Requests that entries answered, fresh and stale ones.
    answered: [u64; 2],
    nanos: u64,
}

impl Savings {
    /// All that was saved, in nanoseconds. Requests answered since the last time saved what loads took on average until
    /// now, less what such requests did; before the first load that isn't known, and they are left for later.
    pub(super) fn until_now(&self, answered: [Answered; 2], loads: Taken) -> u64 {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(load) = loads.mean() else { return saved.nanos };
        for (index, Answered { count, timed }) in answered.into_iter().enumerate() {
            let each = load.saturating_sub(timed.mean().unwrap_or_default());
            // Another reading may have been ahead.
            let since = count.saturating_sub(saved.answered[index]);
            saved.nanos = saved.nanos.saturating_add(nanos(each).saturating_mul(since));
            saved.answered[index] = count.max(saved.answered[index]);
        }
        saved.nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(count: u64, millis: u64) -> Taken {
        Taken { count, sum: Duration::from_millis(millis) }
    }

    fn answered(count: u64) -> [Answered; 2] {
        [Answered { count, timed: taken(2, 2) }, Answered { count: 0, timed: taken(0, 0) }]
    }

    #[test]
    fn each_request_saved_what_loads_took_then_and_it_never_falls() {
        let savings = Savings::default();
        assert_eq!(savings.until_now(answered(5), taken(0, 0)), 0, "nobody knows yet");
        assert_eq!(savings.until_now(answered(5), taken(1, 101)), 500_000_000);
        assert_eq!(savings.until_now(answered(5), taken(1, 101)), 500_000_000);
        assert_eq!(savings.until_now(answered(7), taken(2, 102)), 600_000_000, "loads became faster");
        assert_eq!(savings.until_now(answered(6), taken(2, 102)), 600_000_000, "read a little earlier");
        assert_eq!(savings.until_now(answered(9), taken(1_000, 1)), 600_000_000, "hits that cost more than loads");
        assert_eq!(savings.until_now(answered(10), taken(1, 101)), 700_000_000);
    }
}
