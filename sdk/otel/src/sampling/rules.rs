//! Sampling rates of a cache's spans, by request result and duration.

use std::str::FromStr;
use std::time::Duration;

use cachescope_core::RequestResult;

use super::threshold::Threshold;
use crate::Error;

pub(super) const ACCEPTED: &str = "rules separated by commas, each a rate from 0 to 1 for hit, stale, miss, coalesced, bypass, absent, \
     cancelled, refresh, error, other or slow>TIME (in us, ms or s), for example hit=0.01,error=1,slow>10ms=1";

/// Sampling rates of a cache's spans: a rate from 0.0 to 1.0 for each request result.
///
/// If several rules match a span, the highest rate applies: a slow hit is kept at the rate of slow requests. Spans that
/// no rule names are kept at the rate of [`others`](SamplingRules::others), by default all of them.
///
/// As text, in `CACHESCOPE_TRACES_SAMPLER_RULES` or parsed by `FromStr`, rules are separated by commas:
///
/// | rule | spans |
/// |---|---|
/// | `hit`, `stale`, `miss`, `coalesced`, `bypass`, `absent`, `cancelled` | requests with this result, and the loads they ran |
/// | `refresh` | loads in the background |
/// | `error` | requests that were answered with an error |
/// | `slow>10ms` | requests that took longer; in `us`, `ms` or `s` |
/// | `other` | spans that no other rule names |
///
/// ```
/// use std::time::Duration;
/// use cachescope_otel::{RequestResult, SamplingRules};
///
/// let rules = SamplingRules::new()
///     .result(RequestResult::Hit, 0.01)
///     .errors(1.0)
///     .slower_than(Duration::from_millis(10), 1.0);
/// assert_eq!("hit=0.01,error=1,slow>10ms=1".parse::<SamplingRules>()?, rules);
/// # Ok::<(), cachescope_otel::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "rules do nothing until a sampler uses them"]
pub struct SamplingRules {
    results: [Option<f64>; RequestResult::ALL.len()],
    refreshes: Option<f64>,
    errors: Option<f64>,
    slow: Option<(Duration, f64)>,
    others: f64,
}

impl Default for SamplingRules {
    fn default() -> Self {
        Self::new()
    }
}

impl SamplingRules {
    /// Creates rules that keep everything.
    pub fn new() -> Self {
        Self { results: [None; RequestResult::ALL.len()], refreshes: None, errors: None, slow: None, others: 1.0 }
    }

    /// Sets the rate of requests with this result.
    pub fn result(mut self, result: RequestResult, rate: f64) -> Self {
        self.results[result as usize] = Some(rate);
        self
    }

    /// Sets the rate of loads in the background.
    pub fn refreshes(mut self, rate: f64) -> Self {
        self.refreshes = Some(rate);
        self
    }

    /// Sets the least rate of requests that are answered with an error.
    pub fn errors(mut self, rate: f64) -> Self {
        self.errors = Some(rate);
        self
    }

    /// Sets the least rate of requests that take longer than `limit`, waits for another request's load included.
    pub fn slower_than(mut self, limit: Duration, rate: f64) -> Self {
        self.slow = Some((limit, rate));
        self
    }

    /// Sets the rate of spans that no other rule names. Default: 1.0.
    pub fn others(mut self, rate: f64) -> Self {
        self.others = rate;
        self
    }

    /// Converts the rates to thresholds.
    pub(super) fn thresholds(&self) -> Result<Thresholds, Error> {
        let threshold = |rate: f64| {
            let is_rate = (0.0..=1.0).contains(&rate);
            is_rate
                .then(|| Threshold::from_rate(rate))
                .ok_or_else(|| Error::sampling_rule(&rate, "a rate from 0.0 to 1.0"))
        };
        let others = threshold(self.others)?;
        let mut results = [others; RequestResult::ALL.len()];
        for (result, rate) in results.iter_mut().zip(self.results) {
            *result = rate.map_or(Ok(others), threshold)?;
        }
        Ok(Thresholds {
            results,
            refreshes: self.refreshes.map_or(Ok(others), threshold)?,
            errors: self.errors.map(threshold).transpose()?,
            slow: self.slow.map(|(limit, rate)| Ok::<_, Error>((limit.as_secs_f64(), threshold(rate)?))).transpose()?,
            others,
        })
    }

    fn rule(&mut self, name: &str, rate: f64) -> Option<()> {
        let slot = match name {
            "refresh" => &mut self.refreshes,
            "error" => &mut self.errors,
            _ => {
                let result = RequestResult::ALL.into_iter().find(|result| result.as_str() == name)?;
                &mut self.results[result as usize]
            }
        };
        // A second rule for the same spans is a mistake.
        slot.replace(rate).is_none().then_some(())
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (mut rules, mut others) = (Self::new(), None);
        for item in text.split(',') {
            let (name, rate) = item.rsplit_once('=')?;
            let (name, rate) = (name.trim().to_ascii_lowercase(), rate.trim().parse::<f64>().ok()?);
            if !(0.0..=1.0).contains(&rate) {
                return None;
            }
            if name == "other" {
                others.replace(rate).is_none().then_some(())?;
            } else if let Some(limit) = name.strip_prefix("slow") {
                let limit = duration(limit.trim().strip_prefix('>')?.trim())?;
                rules.slow.replace((limit, rate)).is_none().then_some(())?;
            } else {
                rules.rule(&name, rate)?;
            }
        }
        rules.others = others.unwrap_or(rules.others);
        Some(rules)
    }
}

impl FromStr for SamplingRules {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| Error::sampling_rule(&text, ACCEPTED))
    }
}

fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let number: f64 = number.trim().parse().ok()?;
    let seconds = match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// The thresholds that a sampler compares with.
#[derive(Clone, Debug)]
pub(super) struct Thresholds {
    results: [Threshold; RequestResult::ALL.len()],
    refreshes: Threshold,
    errors: Option<Threshold>,
    /// Seconds, and the threshold of requests that took longer.
    slow: Option<(f64, Threshold)>,
    others: Threshold,
}

impl Thresholds {
    /// Returns the threshold of a request that has ended.
    pub(super) fn ended(&self, result: &str, failed: bool, seconds: Option<f64>) -> Threshold {
        let result = RequestResult::ALL.into_iter().find(|known| known.as_str() == result);
        let slow = self.slow.filter(|(limit, _)| seconds.is_some_and(|seconds| seconds > *limit));
        let rules = [self.errors.filter(|_| failed), slow.map(|(_, threshold)| threshold)];
        highest_rate(
            rules.into_iter().flatten().chain([result.map_or(self.others, |result| self.results[result as usize])]),
        )
    }

    /// Returns the threshold of a span that may still end with any of these results, as an error, or slow.
    pub(super) fn unfinished(&self, results: &[RequestResult]) -> Threshold {
        highest_rate(results.iter().map(|result| self.results[*result as usize]).chain(self.possible_exceptions()))
    }

    /// Returns the threshold of a load in the background.
    pub(super) fn refresh(&self) -> Threshold {
        highest_rate([self.refreshes].into_iter().chain(self.possible_exceptions()))
    }

    fn possible_exceptions(&self) -> impl Iterator<Item = Threshold> {
        [self.errors, self.slow.map(|(_, threshold)| threshold)].into_iter().flatten()
    }
}

/// Returns the threshold that keeps most spans.
fn highest_rate(thresholds: impl Iterator<Item = Threshold>) -> Threshold {
    thresholds.min().unwrap_or(Threshold::KEEPS_ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_parsed() {
        let text = "hit=0.01, STALE=.5,miss=0.2,coalesced=0.3,bypass=0.4,absent=0,cancelled=1,refresh=0.6,error=0.7,\
                    other=0.8, slow > 1.5s = 0.9";
        let mut rules = SamplingRules::new().refreshes(0.6).errors(0.7).others(0.8);
        rules = rules.slower_than(Duration::from_millis(1_500), 0.9);
        for (result, rate) in RequestResult::ALL.into_iter().zip([0.01, 0.5, 0.2, 0.3, 0.4, 0.0, 1.0]) {
            rules = rules.result(result, rate);
        }
        assert_eq!(text.parse::<SamplingRules>().unwrap(), rules);
        assert_eq!("slow>250us=1".parse::<SamplingRules>().unwrap().slow, Some((Duration::from_micros(250), 1.0)));
    }

    #[test]
    fn wrong_rules_are_rejected_with_an_example() {
        for wrong in [
            "",
            "hit",
            "hit=",
            "hit=1.1",
            "hit=-0.1",
            "hit=NaN",
            "hit=1%",
            "hits=1",
            "hit=1,",
            "hit=1;miss=1",
            "hit=0.1,hit=0.2",
            "other=1,other=1",
            "slow=1",
            "slow>10=1",
            "slow>10m=1",
            "slow>-1s=1",
            "slow<10ms=1",
            "slow>1s=1,slow>2s=1",
        ] {
            let error = wrong.parse::<SamplingRules>().unwrap_err();
            let text = error.to_string();
            assert!(error.is_sampling_rule() && text.contains("slow>10ms=1") && text.contains(wrong), "{text}");
        }
        for wrong in [
            SamplingRules::new().others(2.0),
            SamplingRules::new().errors(-1.0),
            SamplingRules::new().refreshes(f64::NAN),
            SamplingRules::new().result(RequestResult::Miss, 7.0),
            SamplingRules::new().slower_than(Duration::ZERO, 1.5),
        ] {
            assert!(wrong.thresholds().unwrap_err().is_sampling_rule(), "{wrong:?}");
        }
    }

    #[test]
    fn highest_matching_rate_applies() {
        let rules = "hit=0.01,miss=0.1,stale=0.2,error=0.5,slow>10ms=1,other=0.3,refresh=0.05";
        let thresholds = rules.parse::<SamplingRules>().unwrap().thresholds().unwrap();
        let is = |threshold, rate| assert_eq!(threshold, Threshold::from_rate(rate));
        is(thresholds.ended("hit", false, Some(0.01)), 0.01);
        is(thresholds.ended("hit", false, None), 0.01);
        is(thresholds.ended("hit", true, Some(0.001)), 0.5);
        is(thresholds.ended("hit", true, Some(0.010_1)), 1.0);
        is(thresholds.ended("absent", false, None), 0.3);
        is(thresholds.ended("unknown", false, None), 0.3);
        is(thresholds.unfinished(&[RequestResult::Miss]), 1.0);
        is(thresholds.refresh(), 1.0);

        let lax = "miss=0.1,stale=0.2,refresh=0.05,error=0".parse::<SamplingRules>().unwrap().thresholds().unwrap();
        is(lax.unfinished(&[RequestResult::Miss]), 0.1);
        is(lax.unfinished(&[RequestResult::Miss, RequestResult::Stale]), 0.2);
        is(lax.refresh(), 0.05);
        is(lax.ended("miss", true, None), 0.1);
    }
}
