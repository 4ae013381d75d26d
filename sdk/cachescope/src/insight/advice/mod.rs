//! What could be changed about a cache, and why: rules over its numbers.

mod evidence;
mod gain;
mod gathered;
mod life;
mod rule;
mod shared;
mod size;
mod traffic;
mod values;
mod wording;
mod worth;

use std::fmt;

use evidence::Evidence;
pub use gain::Gain;
pub(crate) use gathered::advice;
pub use rule::Rule;

/// Something to change about a cache, and what says so. Says itself as one sentence. Made by [`Insight::advice`](crate::Insight::advice).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct Advice {
    /// Which rule found it.
    pub rule: Rule,
    /// What to do, and what for.
    pub action: String,
    /// The numbers it follows from.
    pub evidence: String,
    /// What it would bring, as far as that can be told.
    pub gain: Gain,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}).", self.action, self.evidence)
    }
}

/// A rule looks at the numbers and nothing else.
type Judge = fn(&Evidence<'_>) -> Option<Advice>;

/// Also the order of what brings the same: what is wrong comes before what could be better.
const JUDGES: [Judge; 14] = [
    worth::not_worth_caching,
    shared::slower_than_load,
    size::too_small,
    life::ttl_too_short,
    traffic::stampedes,
    shared::duplicate_loads,
    values::values_too_large,
    shared::serialisation_dominates,
    worth::errors_cached,
    traffic::one_hot_key,
    values::evicted_unread,
    life::refreshes_unread,
    size::too_large,
    life::ttl_too_long,
];

/// What to change, the greatest gain first: time, then memory, then what has no number. Nothing where too little was
/// seen. Costs some microseconds.
pub(crate) fn advise(evidence: &Evidence<'_>) -> Vec<Advice> {
    if !evidence.suffices() {
        return Vec::new();
    }
    let mut all: Vec<Advice> = JUDGES.iter().filter_map(|judge| judge(evidence)).collect();
    // Stable, so that equals stay in the order above.
    all.sort_by(|one, other| other.gain.rank(evidence).compare(one.gain.rank(evidence)));
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::evidence::{EntrySizes, StoreBehind};
    use super::*;
    use crate::insight::{Amplification, Curve, CurvePoint, HotKey, HotKeys, LifetimePoint, Lifetimes};

    const SECOND: Duration = Duration::from_secs(1);

    /// An hour of a cache that is as it should be: four of five requests hit, and a load takes 10 ms.
    pub(super) fn healthy() -> Evidence<'static> {
        Evidence {
            store: "moka",
            covers: SECOND * 3_600,
            requests: 100_000,
            request_time: SECOND * 300,
            hit_rate: Some(0.8),
            remembered_errors: 100,
            coalesced: 500,
            misses: 20_000,
            expired: 15_000,
            wait_time: SECOND * 3,
            loads: 20_000,
            load_time: SECOND * 200,
            longest_load: SECOND,
            refreshes: 1_000,
            load_time_saved: SECOND * 800,
            caching_time: SECOND * 2,
            ttl: Some(SECOND * 60),
            expires: true,
            entries: 9_500,
            bytes: None,
            evicted: 5_000,
            too_large: 10,
            sizes: Some(EntrySizes { count: 20_000, mean: 1_000, p99: 6_000, largest: 100_000 }),
            ..Evidence::default()
        }
    }

    /// A store behind it that answers within a millisecond.
    pub(super) fn shared() -> StoreBehind {
        StoreBehind {
            gets: 20_000,
            get_time: SECOND * 20,
            put_time: SECOND * 20,
            coding_time: Some(SECOND * 5),
            lease: Some(SECOND * 10),
            overtaken: 20,
            ..StoreBehind::default()
        }
    }

    /// Hit rates at a quarter to eight times the room, which is for 10,000 entries.
    pub(super) fn curve(hit_rates: [f64; 6]) -> Curve {
        let points = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0].into_iter().zip(hit_rates).map(|(multiple, hit_rate)| {
            let capacity = (10_000.0 * multiple) as u64;
            CurvePoint { multiple, capacity, hit_rate, settled: true, margin: 0.001 }
        });
        let (capacity, hit_rate, points) = (10_000, hit_rates[2], points.collect());
        Curve { capacity, in_bytes: false, hit_rate, points, own_policy: true, samples: 20_000, sampling_rate: 0.2 }
    }

    /// Hit rates at a sixteenth to sixteen times the life, which is a minute.
    pub(super) fn lifetimes(hit_rates: [f64; 5]) -> Lifetimes {
        let ttls = [3_750, 15_000, 60_000, 240_000, 960_000].map(Duration::from_millis);
        let points = ttls.into_iter().zip(hit_rates).map(|(ttl, hit_rate)| LifetimePoint { ttl, hit_rate });
        Lifetimes { ttl: Some(ttls[2]), hit_rate: hit_rates[2], points: points.collect(), keys: 400 }
    }

    /// What is told of it, all of which is well or all of which is ill.
    fn told(is_well: bool, requests: u64) -> Vec<Advice> {
        let curve = curve(if is_well { [0.6, 0.72, 0.8, 0.82, 0.83, 0.83] } else { [0.1, 0.2, 0.3, 0.6, 0.7, 0.7] });
        let lifetimes = lifetimes(if is_well { [0.5, 0.7, 0.8, 0.82, 0.82] } else { [0.3, 0.3, 0.3, 0.9, 0.9] });
        let (share, unread) = if is_well { (0.05, 0.4) } else { (0.9, 0.9) };
        let key = HotKey { hash: 1, name: None, share, error: 0.01 };
        let hot_keys = HotKeys { by_requests: vec![key], by_load_time: Vec::new() };
        let amplification = Amplification { loads: 20_000, unread, unread_refreshes: unread };
        let evidence = Evidence {
            requests,
            shared: Some(shared()),
            curve: Some(&curve),
            lifetimes: Some(&lifetimes),
            hot_keys: Some(&hot_keys),
            amplification: Some(&amplification),
            ..healthy()
        };
        if is_well {
            return advise(&evidence);
        }
        advise(&Evidence {
            remembered_errors: requests,
            coalesced: requests,
            caching_time: SECOND * 900,
            too_large: 20_000,
            shared: Some(StoreBehind {
                get_time: SECOND * 300,
                timeouts: 5_000,
                coding_time: Some(SECOND * 400),
                ..shared()
            }),
            ..evidence
        })
    }

    #[test]
    fn a_healthy_cache_is_left_alone() {
        assert_eq!(told(true, 100_000), []);
        assert_eq!(advise(&healthy()), []);
    }

    #[test]
    fn nothing_is_said_before_enough_was_seen() {
        assert_eq!(told(false, 999), []);
        assert_eq!(advise(&Evidence::default()), []);
        assert!(told(false, 1_000).len() > 5);
    }

    #[test]
    fn the_greatest_gain_comes_first() {
        // In seconds an hour: 600, 300, 240, 200, 100 twice, 50, 9 and 3; then what has no number.
        let in_order = [
            Rule::TtlTooShort,
            Rule::TooSmall,
            Rule::SerialisationDominates,
            Rule::ValuesTooLarge,
            Rule::NotWorthCaching,
            Rule::SharedStoreSlowerThanLoad,
            Rule::DuplicateLoads,
            Rule::RefreshesUnread,
            Rule::Stampedes,
            Rule::ErrorsCached,
            Rule::OneHotKey,
        ];
        let rules: Vec<Rule> = told(false, 100_000).iter().map(|advice| advice.rule).collect();
        assert_eq!(rules, in_order);
    }

    #[test]
    fn advice_is_a_sentence() {
        for advice in told(false, 100_000) {
            let sentence = advice.to_string();
            assert!(sentence.starts_with(char::is_uppercase) && sentence.ends_with(")."), "{sentence}");
            assert!(!sentence.contains("  ") && sentence.len() < 400, "{sentence}");
        }
    }
}
