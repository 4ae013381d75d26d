//! A sampler that keeps a cache's spans at a rate for each request result, and leaves all other spans to another
//! sampler.

use cachescope_core::RequestResult;
use cachescope_telemetry::names::{attributes as names, spans};
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{ParentBasedSampler, SamplingDecision, SamplingResult, ShouldSample};

use super::probability::ProbabilitySampler;
use super::rules::{SamplingRules, Thresholds};
use super::threshold::Threshold;
use super::trace_state;
use crate::Error;

/// The possible results of a request that asks the shared store or bypasses the cache.
const POSSIBLE_RESULTS: [RequestResult; 5] =
    [RequestResult::Hit, RequestResult::Stale, RequestResult::Miss, RequestResult::Coalesced, RequestResult::Bypass];

/// Keeps a cache's spans at a rate for each request result, and leaves all other spans to another sampler.
///
/// If a service's caches work well, most of its spans are hits. With `hit=0.01,error=1,slow>10ms=1`, one trace in a
/// hundred shows its hits, and every error and slow request is kept. The sampler concerns spans only: **metrics count
/// every request, whatever is sampled.**
///
/// # Decisions
///
/// The base sampler decides first, and the spans that it drops stay dropped. The rules decide on the rest:
///
/// - **Requests that have ended** when their span is created: hits in memory, stale answers, and waits for another
///   request's load. The rules see their result, error and duration.
/// - **Requests that load or ask a shared store** have a span from the start, because other spans nest in it, and their
///   result isn't known then. They are kept at the highest rate of any possible result. With `miss=0.1`, one in ten is
///   kept; with `miss=0.1,error=1`, all are kept, since any may fail. A request to a shared store may become a hit,
///   stale, a miss, coalesced or bypassed: to keep fewer, set all of these rates, or `other`. The rates of `absent` and
///   `cancelled` apply only to spans that are created after the request. To choose by the actual result, use tail
///   sampling in a collector.
/// - **Loads** are kept at the rate of the request that runs them, and background refreshes at `refresh`. The rates of
///   errors and slow requests apply instead where they are higher.
///
/// If the base is parent-based, spans below a dropped span are dropped with it.
///
/// # Counts from sampled spans
///
/// Each kept span records its adjusted count, by OpenTelemetry's consistent probability sampling: tracestate has
/// `ot=th:…`, with T in hexadecimal digits of a 56-bit number, and the span represents 2^56 / (2^56 - T) spans. The
/// decision is `R >= T`, where R is the last 56 bits of the trace id, or its `rv`. It follows that:
///
/// - Weighted counts of spans are unbiased: on average they equal the true counts, for each result and for any other
///   subset selected by the spans' content. The same holds for weighted durations.
/// - A rate is a share of all traces, not of the traces that the base keeps: T is the larger of the parent's and the
///   rule's. Below a base that keeps a tenth, `hit=0.01` keeps the hits of a hundredth, and `hit=0.5` those of the
///   tenth.
/// - All hits of a trace are kept, or none, so a trace shows all or none of them. The estimate from 100 hits in one
///   trace has the error of a single hit. Services with different rates keep the same traces, as far as their rates
///   allow.
///
/// **These counts need the parent's threshold.** Below a service that uses the SDK's own samplers, the parent's
/// tracestate has no threshold or contradicts itself. The adjusted count is then unknown, so `th` is omitted, as the
/// specification requires, and rates apply to the traces that the parent's service kept.
///
/// # Cost
///
/// In addition to the base, which costs 0.1 µs where it copies a parent's tracestate:
///
/// - 0.2 µs for each span of a cache that is dropped;
/// - 0.5 µs for each span of a cache that is kept at its own rate;
/// - 0.03 µs for any other span.
///
/// ```
/// use cachescope_otel::{CacheSampler, ProbabilitySampler};
/// use opentelemetry_sdk::trace::{ParentBasedSampler, SdkTracerProvider};
///
/// let sampler = CacheSampler::new(&"hit=0.01,error=1,slow>10ms=1".parse()?)?
///     .with_base_sampler(ParentBasedSampler::new(ProbabilitySampler::new(0.1)?)); // a tenth of all traces
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
    /// Creates a sampler that applies these rules to all root spans and to spans whose parent was sampled.
    ///
    /// # Errors
    ///
    /// [`Error::is_sampling_rule`] if a rate isn't from 0.0 to 1.0.
    pub fn new(rules: &SamplingRules) -> Result<Self, Error> {
        Ok(Self { thresholds: rules.thresholds()?, base: Box::new(ParentBasedSampler::new(ProbabilitySampler::all())) })
    }

    /// Sets the base sampler, which decides before the rules and on all other spans.
    ///
    /// For adjusted counts, the base must record its threshold in tracestate, as [`ProbabilitySampler`] does, alone or
    /// in a `ParentBasedSampler`. The SDK's `Sampler` doesn't.
    #[must_use]
    pub fn with_base_sampler(mut self, base: impl Into<Box<dyn ShouldSample>>) -> Self {
        self.base = base.into();
        self
    }

    /// Returns the threshold that the rules give a span. `None` if the span isn't a cache's.
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
                Some("miss") => self.thresholds.unfinished(&[RequestResult::Miss]),
                Some("bypass") => self.thresholds.unfinished(&[RequestResult::Bypass]),
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
            None if get(names::MISS_REASON).is_some() => self.thresholds.unfinished(&[RequestResult::Miss]),
            None => self.thresholds.unfinished(&POSSIBLE_RESULTS),
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
        let parent_threshold = trace_state::threshold(&result.trace_state).filter(|parent| parent.keeps(randomness));
        let (kept, recorded) = match parent_threshold {
            Some(parent) => {
                let both = parent.max(rule);
                (both.keeps(randomness), Some(both))
            }
            None => (rule.keeps(hashed(trace_id)), None),
        };
        if !kept {
            result.decision = SamplingDecision::Drop;
            result.attributes.clear();
        }
        result.trace_state = trace_state::with_threshold(&result.trace_state, recorded.filter(|_| kept));
        result
    }
}

/// Returns 56 bits that depend on the whole id.
///
/// A sampler that recorded no threshold may have decided by the id, and kept one end of its range. A further decision
/// by the same bits would then keep all of these traces or none.
fn hashed(trace_id: TraceId) -> u64 {
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
    /// A trace id that is kept at rate 0.5, and dropped at rate 0.25.
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

    /// Returns the span's tracestate if the span is kept.
    fn sampled(
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
    fn span_rate_follows_from_the_attributes_at_its_start() {
        let sampler = sampler(RULES).unwrap();
        let state = |name: &str, more: &[(&'static str, &'static str)]| {
            sampled(&sampler, None, u128::MAX, name, &attributes(more))
        };
        for (name, more, expected) in [
            ("cache.get users", &[(names::RESULT, "hit")][..], "ot=th:fd70a"),
            ("cache.get users", &[(names::RESULT, "stale")], "ot=th:8"),
            ("cache.get users", &[(names::RESULT, "coalesced")], "ot=th:e666"),
            ("cache.get users", &[(names::RESULT, "absent")], "ot=th:fd70a"),
            // Any of these may still be slow.
            ("cache.get users", &[(names::MISS_REASON, "expired")], "ot=th:0"),
            ("cache.get users", &[], "ot=th:0"),
            ("cache.load users", &[(names::LOAD_TRIGGER, "refresh")], "ot=th:0"),
            // Not a cache's span.
            ("cache.gets", &[(names::RESULT, "hit")], "ot=th:0"),
            ("GET /users", &[(names::RESULT, "hit")], "ot=th:0"),
        ] {
            assert_eq!(state(name, more).as_deref(), Some(expected), "{name} {more:?}");
        }
        let foreign = [KeyValue::new(names::RESULT, "hit")];
        assert_eq!(sampled(&sampler, None, 1, "cache.get users", &foreign).as_deref(), Some("ot=th:0"));
    }

    #[test]
    fn error_or_slow_hit_is_kept_at_the_higher_rate() {
        let sampler = sampler("hit=0.01,error=1,slow>10ms=0.5").unwrap();
        let hit = |more: Vec<KeyValue>| {
            let with: Vec<_> = attributes(&[(names::RESULT, "hit")]).into_iter().chain(more).collect();
            sampled(&sampler, None, HALF, "cache.get users", &with)
        };
        assert_eq!(hit(vec![]), None);
        assert_eq!(hit(vec![KeyValue::new(names::ERROR_TYPE, "panic")]).as_deref(), Some("ot=th:0"));
        assert_eq!(hit(vec![KeyValue::new(names::REQUEST_ELAPSED, 0.010_5)]).as_deref(), Some("ot=th:8"));
        assert_eq!(hit(vec![KeyValue::new(names::REQUEST_ELAPSED, 0.009)]), None);
    }

    #[test]
    fn unfinished_span_has_the_highest_rate_of_its_possible_results() {
        let sampler = sampler("hit=0.01,stale=0.5,miss=0.25,refresh=0.125,other=0.01").unwrap();
        let state = |name: &str, more: &[(&'static str, &'static str)]| {
            sampled(&sampler, None, u128::MAX, name, &attributes(more)).unwrap()
        };
        assert_eq!(state("cache.get users", &[(names::MISS_REASON, "unknown")]), "ot=th:c");
        assert_eq!(state("cache.load users", &[(names::LOAD_TRIGGER, "miss")]), "ot=th:c");
        assert_eq!(state("cache.load users", &[(names::LOAD_TRIGGER, "bypass")]), "ot=th:fd70a");
        assert_eq!(state("cache.load users", &[(names::LOAD_TRIGGER, "refresh")]), "ot=th:e");
        assert_eq!(state("cache.get users", &[]), "ot=th:8");
    }

    #[test]
    fn larger_threshold_decides_and_an_unsampled_parent_drops_the_span() {
        let sampler = sampler("stale=0.5,hit=0.25").unwrap();
        let kept = |state: &str, parent_sampled: bool, result: &'static str| {
            let with = attributes(&[(names::RESULT, result)]);
            sampled(&sampler, Some(&child_of(state, parent_sampled)), HALF, "cache.get users", &with)
        };
        assert_eq!(kept("ot=th:8,a=1", true, "stale").as_deref(), Some("ot=th:8,a=1"));
        assert_eq!(kept("ot=th:9", true, "stale").as_deref(), Some("ot=th:9"));
        assert_eq!(kept("ot=th:0", true, "stale").as_deref(), Some("ot=th:8"));
        assert_eq!(kept("ot=th:0", true, "hit"), None);
        assert_eq!(kept("ot=th:0;rv:c0000000000000", true, "hit").as_deref(), Some("ot=th:c;rv:c0000000000000"));
        assert_eq!(kept("ot=th:0", false, "stale"), None);

        let (parent, with) = (child_of("ot=th:0,a=1", true), attributes(&[(names::RESULT, "hit")]));
        let id = TraceId::from(HALF);
        let dropped = sampler.should_sample(Some(&parent), id, "cache.get users", &SpanKind::Internal, &with, &[]);
        assert_eq!(dropped.trace_state.header(), "a=1", "a dropped span has no threshold");
    }

    #[test]
    fn span_records_no_threshold_when_the_parents_is_unknown_or_contradictory() {
        const TRACES: u64 = 100_000;
        let sampler = sampler("stale=0.5").unwrap();
        let with = attributes(&[(names::RESULT, "stale")]);
        // A threshold above the trace's randomness; no threshold; an unreadable threshold; another vendor's entry.
        for state in ["ot=th:e", "", "ot=th:xyz", "a=1"] {
            let parent = child_of(state, true);
            let rest = state.strip_prefix("ot").map_or(state, |_| "");
            let mut kept = 0;
            for id in 0..TRACES {
                // One end of the range of randomness, which is the end that the SDK's ratio sampler keeps.
                if let Some(state_after) = sampled(&sampler, Some(&parent), u128::from(id), "cache.get users", &with) {
                    assert_eq!(state_after, rest, "below {state:?}");
                    kept += 1;
                }
            }
            // Six standard deviations, of 158 each.
            assert!((49_050..=50_950).contains(&kept), "{kept} of {TRACES} below {state:?}");
        }
    }

    #[test]
    fn base_sampler_decides_first() {
        let with = attributes(&[(names::RESULT, "hit")]);
        let off = sampler("hit=1").unwrap().with_base_sampler(Sampler::AlwaysOff);
        assert_eq!(sampled(&off, None, 1, "cache.get users", &with), None);
        let tenth = sampler("hit=0.5").unwrap().with_base_sampler(ProbabilitySampler::new(0.125).unwrap());
        assert_eq!(sampled(&tenth, None, HALF, "cache.get users", &with), None);
        assert_eq!(sampled(&tenth, None, u128::MAX, "cache.get users", &with).as_deref(), Some("ot=th:e"));
    }
}
