//! What advice would bring.

use std::cmp::Ordering;
use std::time::Duration;

use super::Evidence;

/// What following advice would bring, at most: an estimate from what was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub enum Gain {
    /// A higher hit rate, 0 to 1 each.
    HitRate {
        /// What it is.
        from: f64,
        /// What it would be.
        to: f64,
    },
    /// So much less time that requests take, each hour.
    Time(Duration),
    /// So many loads less, each hour.
    Loads(u64),
    /// Less to hold.
    Memory {
        /// What the store holds, or may hold: entries, or bytes.
        from: u64,
        /// What it would hold.
        to: u64,
        /// Whether both are bytes.
        in_bytes: bool,
    },
    /// Nothing that has a number.
    None,
}

/// Where advice stands among others: by kind first, then by amount. The greater the earlier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rank {
    kind: u8,
    amount: f64,
}

impl Rank {
    pub(super) fn compare(self, other: Self) -> Ordering {
        self.kind.cmp(&other.kind).then(self.amount.total_cmp(&other.amount))
    }
}

impl Gain {
    /// Hit rates go by the time that misses take and loads by their own, so that they compare with time;
    /// entries and bytes don't compare with each other, so memory goes by its share.
    pub(super) fn rank(self, evidence: &Evidence<'_>) -> Rank {
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
    fn time_comes_first_and_more_before_less() {
        // 100,000 requests an hour, whose loads take 10 ms: a point of hit rate is 10 s.
        let evidence = healthy();
        let in_order = [
            Gain::Time(Duration::from_secs(11)),
            Gain::HitRate { from: 0.80, to: 0.81 },
            Gain::Loads(900),
            Gain::Time(Duration::from_secs(8)),
            Gain::Memory { from: 8, to: 2, in_bytes: false },
            Gain::Memory { from: 1 << 30, to: 1 << 29, in_bytes: true },
            Gain::None,
        ];
        for pair in in_order.windows(2) {
            let [first, second] = [pair[0], pair[1]].map(|gain| gain.rank(&evidence));
            assert_eq!(first.compare(second), Ordering::Greater, "{pair:?}");
        }
    }
}
