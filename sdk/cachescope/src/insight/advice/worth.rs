//! Whether the cache does what it is for.

use super::wording::{count, percent};
use super::{Advice, Evidence, Gain, Rule};
use crate::amount::time;

/// How much more caching must take than it saves. Both are estimates, of hits that are timed now and then.
const CLEARLY: f64 = 1.1;
/// Answers that are errors from memory. A few keys that nobody has are usual; of more, somebody should know.
const MANY_ERRORS: f64 = 0.05;

pub(super) fn not_worth_caching(evidence: &Evidence<'_>) -> Option<Advice> {
    evidence.mean_load()?;
    let (took, saved) = (evidence.caching_time, evidence.load_time_saved);
    if took.as_secs_f64() <= saved.as_secs_f64() * CLEARLY {
        return None;
    }
    let hit_rate = evidence.hit_rate.map_or(String::new(), |rate| format!(", with a hit rate of {}", percent(rate)));
    Some(Advice {
        rule: Rule::NotWorthCaching,
        action: "Call the function without the cache: looking up and storing takes longer than the loads it saves"
            .to_owned(),
        evidence: format!(
            "{} of caching saved {} of loads in {}{hit_rate}",
            time(took),
            time(saved),
            time(evidence.covers)
        ),
        gain: Gain::Time(evidence.time_per_hour(took.saturating_sub(saved))),
    })
}

pub(super) fn errors_cached(evidence: &Evidence<'_>) -> Option<Advice> {
    let errors = evidence.of_requests(evidence.remembered_errors);
    if errors < MANY_ERRORS {
        return None;
    }
    Some(Advice {
        rule: Rule::ErrorsCached,
        action: "Find out why loads fail, or remember fewer errors and for less time, with .cache_errors_for: many \
                 requests get an error from memory"
            .to_owned(),
        evidence: format!(
            "{} of {} requests, {}",
            count(evidence.remembered_errors),
            count(evidence.requests),
            percent(errors)
        ),
        gain: Gain::None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::healthy;
    use super::*;

    #[test]
    fn a_cache_that_takes_longer_than_it_saves_should_go() {
        let of = |took| {
            let (caching_time, load_time_saved) = (Duration::from_secs(took), Duration::from_secs(10));
            not_worth_caching(&Evidence { caching_time, load_time_saved, hit_rate: Some(0.02), ..healthy() })
        };
        let advice = of(25).unwrap();
        assert_eq!(
            advice.to_string(),
            "Call the function without the cache: looking up and storing takes longer than the loads it saves (25 s of \
             caching saved 10 s of loads in 1 h, with a hit rate of 2.0 %)."
        );
        assert_eq!(advice.gain, Gain::Time(Duration::from_secs(15)));
        assert_eq!((of(9), of(11)), (None, None));
        assert!(of(12).is_some());
    }

    #[test]
    fn many_errors_from_memory_should_be_known() {
        let of = |remembered_errors| errors_cached(&Evidence { remembered_errors, ..healthy() });
        assert_eq!(
            of(7_000).unwrap().to_string(),
            "Find out why loads fail, or remember fewer errors and for less time, with .cache_errors_for: many \
             requests get an error from memory (7,000 of 100,000 requests, 7.0 %)."
        );
        assert_eq!(of(4_999), None);
    }
}
