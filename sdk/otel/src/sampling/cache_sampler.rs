//! A sampler that keeps a cache's spans at a rate for each way requests end, and leaves all other spans alone.

use cachescope_core::RequestResult;
use cachescope_core::names::{attributes as names, spans};
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{ParentBasedSampler, SamplingDecision, SamplingResult, ShouldSample};

use super::probability::ProbabilitySampler;
use super::rules::{SamplingRules, Thresholds};
use super::threshold::Threshold;
use super::trace_state;
use crate::Error;

/// How a request may end that asks the shared store, or leaves the cache aside.
const ANY: [RequestResult; 5] =
    [RequestResult::Hit, RequestResult::Stale, RequestResult::Miss, RequestResult::Coalesced, RequestResult::Bypass];

/// Keeps a cache's spans at a rate for each way requests end, and has another sampler decide on everything else.
///
/// Of a service whose caches work, most spans are hits. With `hit=0.01,error=1,slow>10ms=1` one trace in a hundred
/// shows its hits, and what went wrong or took long is always there. Only spans are concerned: **metrics count every
/// request, whatever is sampled.**
///
/// # What is decided, and when
///
/// The sampler of all else, the base, decides first; what it drops is dropped. Of what it keeps:
///
/// - **Requests that have ended** when their span is made, which are hits in memory, stale answers, and waits for
///   another's load: by their result, their error and how long they took.
/// - **Requests that load, or ask a shared store**, have a span from the start, for others nest in it, and how they
///   end is not known then. They are kept at the highest rate of whatever they may turn out to be: with `miss=0.1` one
///   in ten, with `miss=0.1,error=1` all of them, since any may fail. A request of a shared store may turn out to be a
///   hit, stale, a miss, coalesced or bypassed; set all of these (or `other`) to have fewer. That it may find nothing or
///   be cancelled doesn't count: rates of `absent` and `cancelled` are for spans made after the fact. To choose among
///   them by how they ended takes tail sampling, in a collector.
/// - **Loads** as the requests that run them, and background refreshes at `refresh`, or as what fails or is slow if that
///   is more.
///
/// The spans below a dropped one are dropped with it, if the base is parent-based.
///
/// # What can be counted
///
/// Each kept span says how many it stands for, by OpenTelemetry's consistent probability sampling: tracestate has
/// `ot=th:…`, T in hexadecimal digits of a 56-bit number, and the span stands for 2^56 / (2^56 - T) spans (its
/// adjusted count). The decision is `R >= T`, with R the last 56 bits of the trace's id, or its `rv`. From that follows:
///
/// - Counts of spans, weighed so, are unbiased: on average they are the true counts, for each result, and for any other
///   subset of spans that one may pick by what they say. Durations too, weighed likewise.
/// - A rate is one of all traces, not of those that the base keeps: T is the larger one of the parent's and the rule's.
///   Below a base that keeps a tenth, `hit=0.01` keeps the hits of a hundredth, and `hit=0.5` those of the tenth.
/// - All hits of a trace are kept, or none: what a trace shows is whole, and of 100 hits in one trace the error of the
///   estimate is that of one. Differently sampled services keep the same traces, as far as their rates allow.
///
/// **Unless the parent doesn't say what it was sampled by**, or what it says contradicts itself, as below a service
/// that uses the SDK's own samplers. Nobody knows then for how many spans one stands, so `th` is left out, as the
/// specification wants, and rates are of the traces that the parent's service kept.
///
/// # Cost
///
/// On top of what the base costs, which is 0.1 µs where it copies a parent's tracestate: for each span of a cache 0.2 µs
/// if it is dropped, 0.5 µs if it is kept at a rate of its own; for any other span 0.03 µs.
///
/// ```
/// use cachescope_otel::{CacheSampler, ProbabilitySampler};
/// use opentelemetry_sdk::trace::{ParentBasedSampler, SdkTracerProvider};
///
/// let sampler = CacheSampler::new(&"hit=0.01,error=1,slow>10ms=1".parse()?)?
///     .around(ParentBasedSampler::new(ProbabilitySampler::new(0.1)?)); // a tenth of all traces
/// let tracers = SdkTracerProvider::builder().with_sampler(sampler).build();
/// # drop(tracers);
/// # Ok::<(), cachescope_otel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CacheSampler {
    thresholds: Thresholds,
    base: Box<dyn ShouldSample>,
}

impl CacheSampler {
    /// Applies these rules to what a parent's sampling keeps, and to all roots.
    ///
    /// # Errors
    ///
    /// If a rate isn't within 0.0 to 1.0 ([`Error::is_sampling_rule`]).
    pub fn new(rules: &SamplingRules) -> Result<Self, Error> {
        Ok(Self { thresholds: rules.thresholds()?, base: Box::new(ParentBasedSampler::new(ProbabilitySampler::all())) })
    }

    /// Has `base` decide on everything else, and before the rules.
    ///
    /// For counts it has to say what it samples by, as [`ProbabilitySampler`] does, alone or in a `ParentBasedSampler`.
    /// The SDK's `Sampler` doesn't.
    #[must_use]
    pub fn around(mut self, base: impl Into<Box<dyn ShouldSample>>) -> Self {
        self.base = base.into();
        self
    }

    /// What the rules say of a span; `None` if it isn't a cache's.
    fn threshold(&self, name: &str, attributes: &[KeyValue]) -> Option<Threshold> {
        let is = |kind: &str| name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' '));
        let (is_get, is_load) = (is(spans::GET), is(spans::LOAD));
        if !is_get && !is_load {
            return None;
        }
        let get = |name: &str| attributes.iter().find(|kv| kv.key.as_str() == name).map(|kv| &kv.value);
        get(names::CACHE_NAME)?;
        if is_load {
            return Some(match text(get(names::LOAD_TRIGGER)) {
                Some("miss") => self.thresholds.open(&[RequestResult::Miss]),
                Some("bypass") => self.thresholds.open(&[RequestResult::Bypass]),
                _ => self.thresholds.refresh(),
            });
        }
        Some(match text(get(names::RESULT)) {
            Some(result) => {
                let seconds = match get(names::REQUEST_ELAPSED) {
                    Some(Value::F64(seconds)) => Some(*seconds),
                    _ => None,
                };
                self.thresholds.ended(result, get(names::ERROR_TYPE).is_some(), seconds)
            }
            None if get(names::MISS_REASON).is_some() => self.thresholds.open(&[RequestResult::Miss]),
            None => self.thresholds.open(&ANY),
        })
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    }
}

impl ShouldSample for CacheSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self.base.should_sample(parent, trace_id, name, kind, attributes, links);
        let Some(rule) = self.threshold(name, attributes) else { return result };
        if result.decision != SamplingDecision::RecordAndSample {
            return result;
        }
        let randomness = trace_state::randomness(&result.trace_state, trace_id);
        let said = trace_state::threshold(&result.trace_state).filter(|said| said.keeps(randomness));
        let (kept, told) = match said {
            Some(said) => {
                let both = said.max(rule);
                (both.keeps(randomness), Some(both))
            }
            None => (rule.keeps(scrambled(trace_id)), None),
        };
        if !kept {
            result.decision = SamplingDecision::Drop;
            result.attributes.clear();
        }
        result.trace_state = trace_state::with_threshold(&result.trace_state, told.filter(|_| kept));
        result
    }
}

/// 56 bits that depend on all of the id. Whoever sampled without saying how may have done it by the id, and kept one
/// end of it: decided by the id again, a further rate would keep all of that or nothing.
fn scrambled(trace_id: TraceId) -> u64 {
    let halves = |id: u128| (id as u64, (id >> 64) as u64);
    let (low, high) = halves(u128::from_be_bytes(trace_id.to_bytes()));
    // The finaliser of SplitMix64.
    let mut bits = low ^ high.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) >> 8
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags};
    use opentelemetry_sdk::trace::Sampler;

    use super::*;

    const RULES: &str = "hit=0.01,stale=0.5,miss=0.25,coalesced=0.1,refresh=0.125,other=0.01,slow>10ms=1";
    /// Kept at a half, not at a quarter.
    const HALF: u128 = 0xa0_00_00_00_00_00_00;

    fn sampler(rules: &str) -> Result<CacheSampler, Error> {
        CacheSampler::new(&rules.parse()?)
    }

    fn attributes(more: &[(&'static str, &'static str)]) -> Vec<KeyValue> {
        let more = more.iter().map(|(name, value)| KeyValue::new(*name, *value));
        [KeyValue::new(names::CACHE_NAME, "users")].into_iter().chain(more).collect()
    }

    fn child_of(state: &str, sampled: bool) -> Context {
        let flags = TraceFlags::default().with_sampled(sampled);
        let state = state.parse().unwrap_or_default();
        Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from(HALF),
            SpanId::from(1),
            flags,
            true,
            state,
        ))
    }

    /// What tracestate says of the span, if it is kept.
    fn asked(
        sampler: &CacheSampler,
        parent: Option<&Context>,
        id: u128,
        name: &str,
        with: &[KeyValue],
    ) -> Option<String> {
        let result = sampler.should_sample(parent, TraceId::from(id), name, &SpanKind::Internal, with, &[]);
        match result.decision {
            SamplingDecision::RecordAndSample => Some(result.trace_state.header()),
            _ => None,
        }
    }

    #[test]
    fn a_span_s_rate_follows_from_what_is_known_at_its_start() {
        let sampler = sampler(RULES).unwrap();
        let told = |name: &str, more: &[(&'static str, &'static str)]| {
            asked(&sampler, None, u128::MAX, name, &attributes(more))
        };
        for (name, more, expected) in [
            ("cache.get users", &[(names::RESULT, "hit")][..], "ot=th:fd70a"),
            ("cache.get users", &[(names::RESULT, "stale")], "ot=th:8"),
            ("cache.get users", &[(names::RESULT, "coalesced")], "ot=th:e666"),
            ("cache.get users", &[(names::RESULT, "absent")], "ot=th:fd70a"),
            // Any of these may take long yet.
            ("cache.get users", &[(names::MISS_REASON, "expired")], "ot=th:0"),
            ("cache.get users", &[], "ot=th:0"),
            ("cache.load users", &[(names::LOAD_TRIGGER, "refresh")], "ot=th:0"),
            // Not ours.
            ("cache.gets", &[(names::RESULT, "hit")], "ot=th:0"),
            ("GET /users", &[(names::RESULT, "hit")], "ot=th:0"),
        ] {
            assert_eq!(told(name, more).as_deref(), Some(expected), "{name} {more:?}");
        }
        let foreign = [KeyValue::new(names::RESULT, "hit")];
        assert_eq!(asked(&sampler, None, 1, "cache.get users", &foreign).as_deref(), Some("ot=th:0"));
    }

    #[test]
    fn an_error_or_a_long_time_keeps_what_else_would_go() {
        let sampler = sampler("hit=0.01,error=1,slow>10ms=0.5").unwrap();
        let hit = |more: Vec<KeyValue>| {
            let with: Vec<_> = attributes(&[(names::RESULT, "hit")]).into_iter().chain(more).collect();
            asked(&sampler, None, HALF, "cache.get users", &with)
        };
        assert_eq!(hit(vec![]), None);
        assert_eq!(hit(vec![KeyValue::new(names::ERROR_TYPE, "panic")]).as_deref(), Some("ot=th:0"));
        assert_eq!(hit(vec![KeyValue::new(names::REQUEST_ELAPSED, 0.010_5)]).as_deref(), Some("ot=th:8"));
        assert_eq!(hit(vec![KeyValue::new(names::REQUEST_ELAPSED, 0.009)]), None);
    }

    #[test]
    fn without_reasons_to_come_an_open_span_has_the_highest_rate_of_its_results() {
        let sampler = sampler("hit=0.01,stale=0.5,miss=0.25,refresh=0.125,other=0.01").unwrap();
        let told = |name: &str, more: &[(&'static str, &'static str)]| {
            asked(&sampler, None, u128::MAX, name, &attributes(more)).unwrap()
        };
        assert_eq!(told("cache.get users", &[(names::MISS_REASON, "unknown")]), "ot=th:c");
        assert_eq!(told("cache.load users", &[(names::LOAD_TRIGGER, "miss")]), "ot=th:c");
        assert_eq!(told("cache.load users", &[(names::LOAD_TRIGGER, "bypass")]), "ot=th:fd70a");
        assert_eq!(told("cache.load users", &[(names::LOAD_TRIGGER, "refresh")]), "ot=th:e");
        assert_eq!(told("cache.get users", &[]), "ot=th:8");
    }

    #[test]
    fn the_larger_threshold_counts_and_a_parents_no_is_a_no() {
        let sampler = sampler("stale=0.5,hit=0.25").unwrap();
        let told = |state: &str, sampled: bool, result: &'static str| {
            let with = attributes(&[(names::RESULT, result)]);
            asked(&sampler, Some(&child_of(state, sampled)), HALF, "cache.get users", &with)
        };
        assert_eq!(told("ot=th:8,a=1", true, "stale").as_deref(), Some("ot=th:8,a=1"));
        assert_eq!(told("ot=th:9", true, "stale").as_deref(), Some("ot=th:9"));
        assert_eq!(told("ot=th:0", true, "stale").as_deref(), Some("ot=th:8"));
        assert_eq!(told("ot=th:0", true, "hit"), None);
        assert_eq!(told("ot=th:0;rv:c0000000000000", true, "hit").as_deref(), Some("ot=th:c;rv:c0000000000000"));
        assert_eq!(told("ot=th:0", false, "stale"), None);

        let (parent, with) = (child_of("ot=th:0,a=1", true), attributes(&[(names::RESULT, "hit")]));
        let id = TraceId::from(HALF);
        let dropped = sampler.should_sample(Some(&parent), id, "cache.get users", &SpanKind::Internal, &with, &[]);
        assert_eq!(dropped.trace_state.header(), "a=1", "what isn't sampled has no rate");
    }

    #[test]
    fn where_the_parents_rate_is_unknown_or_contradicts_itself_none_is_told_and_the_rule_still_holds() {
        const TRACES: u64 = 100_000;
        let sampler = sampler("stale=0.5").unwrap();
        let with = attributes(&[(names::RESULT, "stale")]);
        // Sampled at a threshold its randomness is below; not told; not to be read.
        for state in ["ot=th:e", "", "ot=th:xyz", "a=1"] {
            let parent = child_of(state, true);
            let rest = state.strip_prefix("ot").map_or(state, |_| "");
            let mut kept = 0;
            for id in 0..TRACES {
                // One end of the randomness, which is what the SDK's sampler by ratio keeps.
                if let Some(told) = asked(&sampler, Some(&parent), u128::from(id), "cache.get users", &with) {
                    assert_eq!(told, rest, "of {state:?}");
                    kept += 1;
                }
            }
            // Six standard deviations of 158.
            assert!((49_050..=50_950).contains(&kept), "{kept} of {TRACES} below {state:?}");
        }
    }

    #[test]
    fn the_base_decides_first() {
        let with = attributes(&[(names::RESULT, "hit")]);
        let off = sampler("hit=1").unwrap().around(Sampler::AlwaysOff);
        assert_eq!(asked(&off, None, 1, "cache.get users", &with), None);
        let tenth = sampler("hit=0.5").unwrap().around(ProbabilitySampler::new(0.125).unwrap());
        assert_eq!(asked(&tenth, None, HALF, "cache.get users", &with), None);
        assert_eq!(asked(&tenth, None, u128::MAX, "cache.get users", &with).as_deref(), Some("ot=th:e"));
    }
}
