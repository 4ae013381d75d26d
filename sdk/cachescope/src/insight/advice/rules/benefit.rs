//! Rules about whether the cache is useful at all.

use crate::insight::advice::wording::{count, percent};
use crate::insight::advice::{Advice, Evidence, Impact, Rule};
use crate::metrics::format::format_time;

/// The factor by which caching must take longer than it saves. Both times are estimates, from the hits that are timed.
const CLEARLY: f64 = 1.1;
/// The share of requests that get a cached error. A few missing keys are normal; a larger share should be known.
const MANY_ERRORS: f64 = 0.05;

pub(crate) fn not_worth_caching(evidence: &Evidence<'_>) -> Option<Advice> {
    evidence.mean_load()?;
    let (took, saved) = (evidence.caching_time, evidence.load_time_saved);
    if took.as_secs_f64() <= saved.as_secs_f64() * CLEARLY {
        return None;
    }
    let hit_rate = evidence.hit_rate.map_or(String::new(), |rate| format!(", with a hit rate of {}", percent(rate)));
    Some(Advice {
        rule: Rule::NotWorthCaching,
        action: "Call the function without the cache: caching takes longer than the loads that it avoids".to_owned(),
        evidence: format!(
            "{} of caching avoided {} of loads in {}{hit_rate}",
            format_time(took),
            format_time(saved),
            format_time(evidence.period)
        ),
        impact: Impact::Time(evidence.time_per_hour(took.saturating_sub(saved))),
    })
}

pub(crate) fn errors_cached(evidence: &Evidence<'_>) -> Option<Advice> {
    let errors = evidence.share_of_requests(evidence.cached_errors);
    if errors < MANY_ERRORS {
        return None;
    }
    Some(Advice {
        rule: Rule::ErrorsCached,
        action: "Find out why loads fail, or cache fewer errors or for a shorter time, with .cache_errors_for: \
            many requests get a cached error"
            .to_owned(),
        evidence: format!(
            "{} of {} requests, {}",
            count(evidence.cached_errors),
            count(evidence.requests),
            percent(errors)
        ),
        impact: Impact::None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::insight::advice::tests::healthy;

    #[test]
    fn not_worth_caching_reports_a_cache_that_costs_more_than_it_saves() {
        let of = |took| {
            let (caching_time, load_time_saved) = (Duration::from_secs(took), Duration::from_secs(10));
            not_worth_caching(&Evidence { caching_time, load_time_saved, hit_rate: Some(0.02), ..healthy() })
        };
        let advice = of(25).unwrap();
        assert_eq!(
            advice.to_string(),
            "Call the function without the cache: caching takes longer than the loads that it avoids (25 s of \
            caching avoided 10 s of loads in 1 h, with a hit rate of 2.0 %)."
        );
        assert_eq!(advice.impact, Impact::Time(Duration::from_secs(15)));
        assert_eq!((of(9), of(11)), (None, None));
        assert!(of(12).is_some());
    }

    #[test]
    fn errors_cached_reports_many_cached_errors() {
        let of = |cached_errors| errors_cached(&Evidence { cached_errors, ..healthy() });
        assert_eq!(
            of(7_000).unwrap().to_string(),
            "Find out why loads fail, or cache fewer errors or for a shorter time, with .cache_errors_for: many \
            requests get a cached error (7,000 of 100,000 requests, 7.0 %)."
        );
        assert_eq!(of(4_999), None);
    }
}
