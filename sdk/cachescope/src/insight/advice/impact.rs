//! The expected effect of advice.

use std::cmp::Ordering;
use std::time::Duration;

use super::Evidence;

/// The expected effect of advice, at most. An estimate from the observed period.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub enum Impact {
    /// A higher hit rate. Both are 0 to 1.
    HitRate {
        /// The present hit rate.
        from: f64,
        /// The expected hit rate.
        to: f64,
    },
    /// The time that requests would save per hour.
    Time(Duration),
    /// The number of loads that would be avoided per hour.
    Loads(u64),
    /// Less memory.
    Memory {
        /// The present usage or capacity, in entries or bytes.
        from: u64,
        /// The expected usage.
        to: u64,
        /// Whether both are in bytes.
        in_bytes: bool,
    },
    /// An effect without a number.
    None,
}

/// The rank of advice: by kind first, then by amount. Greater comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rank {
    kind: u8,
    amount: f64,
}

impl Rank {
    pub(crate) fn compare(self, other: Self) -> Ordering {
        self.kind.cmp(&other.kind).then(self.amount.total_cmp(&other.amount))
    }
}

impl Impact {
    /// Returns the rank. Hit rates and loads are converted to time, so that they compare with each other. Entries and
    /// bytes don't compare, so memory ranks by its share.
    pub(crate) fn rank(self, evidence: &Evidence<'_>) -> Rank {
        let [load, miss] =
            [evidence.mean_load(), evidence.mean_miss()].map(|mean| mean.map_or(0.0, |mean| mean.as_secs_f64()));
        let (kind, amount) = match self {
            Self::HitRate { from, to } => (2, (to - from) * evidence.per_hour(evidence.requests as f64) * miss),
            Self::Time(saved) => (2, saved.as_secs_f64()),
            Self::Loads(fewer) => (2, fewer as f64 * load),
            Self::Memory { from, to, .. } => (1, 1.0 - to as f64 / from.max(1) as f64),
            Self::None => (0, 0.0),
        };
        Rank { kind, amount }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::healthy;
    use super::*;

    #[test]
    fn time_ranks_first_and_greater_amounts_before_smaller() {
        // 100,000 requests per hour with loads of 10 ms: one point of hit rate is 10 s.
        let evidence = healthy();
        let in_order = [
            Impact::Time(Duration::from_secs(11)),
            Impact::HitRate { from: 0.80, to: 0.81 },
            Impact::Loads(900),
            Impact::Time(Duration::from_secs(8)),
            Impact::Memory { from: 8, to: 2, in_bytes: false },
            Impact::Memory { from: 1 << 30, to: 1 << 29, in_bytes: true },
            Impact::None,
        ];
        for pair in in_order.windows(2) {
            let [first, second] = [pair[0], pair[1]].map(|impact| impact.rank(&evidence));
            assert_eq!(first.compare(second), Ordering::Greater, "{pair:?}");
        }
    }
}
