//! Advice on a cache: rules that examine its numbers.

mod collect;
mod evidence;
mod impact;
mod rule;
mod rules;
mod wording;

use std::fmt;

pub(crate) use collect::advice;
use evidence::Evidence;
pub use impact::Impact;
pub use rule::Rule;

/// A recommended change to a cache, with the evidence for it. Displays as one sentence. Returned by
/// [`Insight::advice`](crate::Insight::advice).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct Advice {
    /// The rule that gave the advice.
    pub rule: Rule,
    /// The recommended change and its purpose.
    pub action: String,
    /// The numbers that the advice is based on.
    pub evidence: String,
    /// The expected effect, if it can be estimated.
    pub impact: Impact,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}).", self.action, self.evidence)
    }
}

/// A rule. It sees nothing but the evidence.
type RuleFn = fn(&Evidence<'_>) -> Option<Advice>;

/// All rules. For an equal impact the earlier rule comes first: faults before improvements.
const RULES: [RuleFn; 14] = [
    rules::benefit::not_worth_caching,
    rules::shared::slower_than_load,
    rules::size::too_small,
    rules::ttl::ttl_too_short,
    rules::traffic::stampedes,
    rules::shared::duplicate_loads,
    rules::values::values_too_large,
    rules::shared::serialisation_dominates,
    rules::benefit::errors_cached,
    rules::traffic::one_hot_key,
    rules::values::evicted_unread,
    rules::ttl::refreshes_unread,
    rules::size::too_large,
    rules::ttl::ttl_too_long,
];

/// Returns the advice, the greatest impact first: time, then memory, then advice without a number. Empty if there were
/// too few requests. Takes some microseconds.
pub(crate) fn advise(evidence: &Evidence<'_>) -> Vec<Advice> {
    if !evidence.is_sufficient() {
        return Vec::new();
    }
    let mut all: Vec<Advice> = RULES.iter().filter_map(|judge| judge(evidence)).collect();
    // The sort is stable, so equal advice stays in the order of the rules.
    all.sort_by(|one, other| other.impact.rank(evidence).compare(one.impact.rank(evidence)));
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::evidence::{EntrySizes, L2Evidence};
    use super::*;
    use crate::insight::{HitRateCurve, HitRatePoint, HotKey, HotKeys, TtlCurve, TtlPoint, WastedLoads};

    const SECOND: Duration = Duration::from_secs(1);

    /// One hour of a healthy cache: four of five requests are hits, and a load takes 10 ms.
    pub(crate) fn healthy() -> Evidence<'static> {
        Evidence {
            store: "moka",
            period: SECOND * 3_600,
            requests: 100_000,
            request_time: SECOND * 300,
            hit_rate: Some(0.8),
            cached_errors: 100,
            coalesced: 500,
            misses: 20_000,
            expired_misses: 15_000,
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

    /// A shared store that answers within a millisecond.
    pub(crate) fn shared() -> L2Evidence {
        L2Evidence {
            gets: 20_000,
            get_time: SECOND * 20,
            put_time: SECOND * 20,
            coding_time: Some(SECOND * 5),
            lease: Some(SECOND * 10),
            overtaken: 20,
            ..L2Evidence::default()
        }
    }

    /// Hit rates at 0.25 to 8 times the present capacity of 10,000 entries.
    pub(crate) fn curve(hit_rates: [f64; 6]) -> HitRateCurve {
        let points = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0].into_iter().zip(hit_rates).map(|(multiple, hit_rate)| {
            let capacity = (10_000.0 * multiple) as u64;
            HitRatePoint { multiple, capacity, hit_rate, settled: true, margin: 0.001 }
        });
        let (capacity, hit_rate, points) = (10_000, hit_rates[2], points.collect());
        HitRateCurve {
            capacity,
            in_bytes: false,
            hit_rate,
            points,
            own_policy: true,
            samples: 20_000,
            sampling_rate: 0.2,
        }
    }

    /// Hit rates at 1/16 to 16 times the present TTL of one minute.
    pub(crate) fn ttl_curve(hit_rates: [f64; 5]) -> TtlCurve {
        let ttls = [3_750, 15_000, 60_000, 240_000, 960_000].map(Duration::from_millis);
        let points = ttls.into_iter().zip(hit_rates).map(|(ttl, hit_rate)| TtlPoint { ttl, hit_rate });
        TtlCurve { ttl: Some(ttls[2]), hit_rate: hit_rates[2], points: points.collect(), keys: 400 }
    }

    /// Returns the advice on a cache in which everything is well, or nothing is.
    fn advice_for(is_well: bool, requests: u64) -> Vec<Advice> {
        let curve = curve(if is_well { [0.6, 0.72, 0.8, 0.82, 0.83, 0.83] } else { [0.1, 0.2, 0.3, 0.6, 0.7, 0.7] });
        let ttl_curve = ttl_curve(if is_well { [0.5, 0.7, 0.8, 0.82, 0.82] } else { [0.3, 0.3, 0.3, 0.9, 0.9] });
        let (share, unread) = if is_well { (0.05, 0.4) } else { (0.9, 0.9) };
        let key = HotKey { hash: 1, name: None, share, error: 0.01 };
        let hot_keys = HotKeys { by_requests: vec![key], by_load_time: Vec::new() };
        let wasted_loads = WastedLoads { loads: 20_000, unread, unread_refreshes: unread };
        let evidence = Evidence {
            requests,
            shared: Some(shared()),
            curve: Some(&curve),
            ttl_curve: Some(&ttl_curve),
            hot_keys: Some(&hot_keys),
            wasted_loads: Some(&wasted_loads),
            ..healthy()
        };
        if is_well {
            return advise(&evidence);
        }
        advise(&Evidence {
            cached_errors: requests,
            coalesced: requests,
            caching_time: SECOND * 900,
            too_large: 20_000,
            shared: Some(L2Evidence {
                get_time: SECOND * 300,
                wait_timeouts: 5_000,
                coding_time: Some(SECOND * 400),
                ..shared()
            }),
            ..evidence
        })
    }

    #[test]
    fn healthy_cache_gets_no_advice() {
        assert_eq!(advice_for(true, 100_000), []);
        assert_eq!(advise(&healthy()), []);
    }

    #[test]
    fn few_requests_give_no_advice() {
        assert_eq!(advice_for(false, 999), []);
        assert_eq!(advise(&Evidence::default()), []);
        assert!(advice_for(false, 1_000).len() > 5);
    }

    #[test]
    fn greatest_impact_comes_first() {
        // In seconds per hour: 600, 300, 240, 200, 100 twice, 50, 9 and 3. Then advice without a number.
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
        let rules: Vec<Rule> = advice_for(false, 100_000).iter().map(|advice| advice.rule).collect();
        assert_eq!(rules, in_order);
    }

    #[test]
    fn advice_displays_as_a_sentence() {
        for advice in advice_for(false, 100_000) {
            let sentence = advice.to_string();
            assert!(sentence.starts_with(char::is_uppercase) && sentence.ends_with(")."), "{sentence}");
            assert!(!sentence.contains("  ") && sentence.len() < 400, "{sentence}");
        }
    }
}
