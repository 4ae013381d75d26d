//! How many of a cache's spans are kept, by how requests ended and how long they took.

use std::str::FromStr;
use std::time::Duration;

use cachescope_core::RequestResult;

use super::threshold::Threshold;
use crate::Error;

pub(super) const ACCEPTED: &str = "rules parted by commas, each a rate from 0 to 1 for one of hit, stale, miss, coalesced, bypass, absent, \
     cancelled, refresh, error, other or slow>TIME (in us, ms or s), such as hit=0.01,error=1,slow>10ms=1";

/// How many of a cache's spans to keep: a rate, 0.0 to 1.0, for each way a request may end.
///
/// Where several rules fit a span, the one that keeps most of them counts: a hit that took long is kept as what is
/// slow. What no rule names is kept as [`others`](SamplingRules::others) says, all of it by default.
///
/// As text, in `CACHESCOPE_TRACES_SAMPLER_RULES` or parsed, the rules are parted by commas:
///
/// | rule | spans |
/// |---|---|
/// | `hit`, `stale`, `miss`, `coalesced`, `bypass`, `absent`, `cancelled` | requests that ended so, and the loads they ran |
/// | `refresh` | loads behind requests |
/// | `error` | requests whose answer was an error |
/// | `slow>10ms` | requests that took longer; in `us`, `ms` or `s` |
/// | `other` | what isn't named |
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
#[must_use = "rules do nothing before a sampler has them"]
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
    /// No rules: everything is kept.
    pub fn new() -> Self {
        Self { results: [None; RequestResult::ALL.len()], refreshes: None, errors: None, slow: None, others: 1.0 }
    }

    /// Keeps this share of the requests that end so.
    pub fn result(mut self, result: RequestResult, rate: f64) -> Self {
        self.results[result as usize] = Some(rate);
        self
    }

    /// Keeps this share of the loads that go on behind requests.
    pub fn refreshes(mut self, rate: f64) -> Self {
        self.refreshes = Some(rate);
        self
    }

    /// Keeps at least this share of what is answered with an error.
    pub fn errors(mut self, rate: f64) -> Self {
        self.errors = Some(rate);
        self
    }

    /// Keeps at least this share of the requests that take longer than `limit`, waits for another's load included.
    pub fn slower_than(mut self, limit: Duration, rate: f64) -> Self {
        self.slow = Some((limit, rate));
        self
    }

    /// Keeps this share of what no other rule names; all of it unless said.
    pub fn others(mut self, rate: f64) -> Self {
        self.others = rate;
        self
    }

    /// The rules as thresholds.
    pub(super) fn thresholds(&self) -> Result<Thresholds, Error> {
        let of = |rate: f64| {
            let is_rate = (0.0..=1.0).contains(&rate);
            is_rate
                .then(|| Threshold::keeping(rate))
                .ok_or_else(|| Error::sampling_rule(&rate, "a rate from 0.0 to 1.0"))
        };
        let others = of(self.others)?;
        let mut results = [others; RequestResult::ALL.len()];
        for (threshold, rate) in results.iter_mut().zip(self.results) {
            *threshold = rate.map_or(Ok(others), of)?;
        }
        Ok(Thresholds {
            results,
            refreshes: self.refreshes.map_or(Ok(others), of)?,
            errors: self.errors.map(of).transpose()?,
            slow: self.slow.map(|(limit, rate)| Ok((limit.as_secs_f64(), of(rate)?))).transpose()?,
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
        // Of two rules for one thing one is a mistake.
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
                let limit = time(limit.trim().strip_prefix('>')?.trim())?;
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

fn time(text: &str) -> Option<Duration> {
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

/// What a sampler compares with.
#[derive(Clone, Debug)]
pub(super) struct Thresholds {
    results: [Threshold; RequestResult::ALL.len()],
    refreshes: Threshold,
    errors: Option<Threshold>,
    /// Beyond so many seconds.
    slow: Option<(f64, Threshold)>,
    others: Threshold,
}

impl Thresholds {
    /// For a request that has ended.
    pub(super) fn ended(&self, result: &str, failed: bool, seconds: Option<f64>) -> Threshold {
        let result = RequestResult::ALL.into_iter().find(|known| known.as_str() == result);
        let slow = self.slow.filter(|(limit, _)| seconds.is_some_and(|seconds| seconds > *limit));
        let rules = [self.errors.filter(|_| failed), slow.map(|(_, threshold)| threshold)];
        most(rules.into_iter().flatten().chain([result.map_or(self.others, |result| self.results[result as usize])]))
    }

    /// For what may yet end as any of these, or as an error, or slow.
    pub(super) fn open(&self, results: &[RequestResult]) -> Threshold {
        most(results.iter().map(|result| self.results[*result as usize]).chain(self.reasons_to_come()))
    }

    /// For a load behind requests.
    pub(super) fn refresh(&self) -> Threshold {
        most([self.refreshes].into_iter().chain(self.reasons_to_come()))
    }

    fn reasons_to_come(&self) -> impl Iterator<Item = Threshold> {
        [self.errors, self.slow.map(|(_, threshold)| threshold)].into_iter().flatten()
    }
}

/// The one that keeps most.
fn most(thresholds: impl Iterator<Item = Threshold>) -> Threshold {
    thresholds.min().unwrap_or(Threshold::KEEPS_ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_written() {
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
    fn wrong_rules_are_refused_with_what_would_do() {
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
    fn the_rule_that_keeps_most_counts() {
        let rules = "hit=0.01,miss=0.1,stale=0.2,error=0.5,slow>10ms=1,other=0.3,refresh=0.05";
        let thresholds = rules.parse::<SamplingRules>().unwrap().thresholds().unwrap();
        let is = |threshold, rate| assert_eq!(threshold, Threshold::keeping(rate));
        is(thresholds.ended("hit", false, Some(0.01)), 0.01);
        is(thresholds.ended("hit", false, None), 0.01);
        is(thresholds.ended("hit", true, Some(0.001)), 0.5);
        is(thresholds.ended("hit", true, Some(0.010_1)), 1.0);
        is(thresholds.ended("absent", false, None), 0.3);
        is(thresholds.ended("unheard of", false, None), 0.3);
        is(thresholds.open(&[RequestResult::Miss]), 1.0);
        is(thresholds.refresh(), 1.0);

        let lax = "miss=0.1,stale=0.2,refresh=0.05,error=0".parse::<SamplingRules>().unwrap().thresholds().unwrap();
        is(lax.open(&[RequestResult::Miss]), 0.1);
        is(lax.open(&[RequestResult::Miss, RequestResult::Stale]), 0.2);
        is(lax.refresh(), 0.05);
        is(lax.ended("miss", true, None), 0.1);
    }
}
