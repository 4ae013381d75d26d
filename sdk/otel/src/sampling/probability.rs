//! A sampler that keeps a share of all traces and says in tracestate which.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::threshold::Threshold;
use super::trace_state;
use crate::Error;

/// Keeps a share of all traces, consistently, and tells it: tracestate gets `ot=th:…`, from which whoever reads a span
/// knows for how many it stands.
///
/// It decides by the trace's id alone (or its `rv`), so that services which keep different shares keep the same traces
/// as far as they can. The SDK's own `TraceIdRatioBased` decides by the id as well, but keeps the other end of it and
/// tells nobody: what is [sampled further](crate::CacheSampler) below it can't be counted.
///
/// A parent's decision is ignored; for roots alone put it into a `ParentBasedSampler`, which passes on what a parent
/// says (`Sampler::ParentBased` loses what is said of a root). Deciding on a root costs 0.4 µs.
///
/// ```
/// use cachescope_otel::ProbabilitySampler;
/// use opentelemetry_sdk::trace::{ParentBasedSampler, SdkTracerProvider};
///
/// let tenth = ParentBasedSampler::new(ProbabilitySampler::new(0.1)?);
/// let tracers = SdkTracerProvider::builder().with_sampler(tenth).build();
/// # drop(tracers);
/// # Ok::<(), cachescope_otel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProbabilitySampler {
    threshold: Threshold,
}

impl ProbabilitySampler {
    /// A sampler that keeps this share, 0.0 to 1.0.
    ///
    /// # Errors
    ///
    /// If it is no such number ([`Error::is_sampling_rule`]).
    pub fn new(share: f64) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::sampling_rule(&share, "a share of traces, 0.0 to 1.0"));
        }
        Ok(Self { threshold: Threshold::keeping(share) })
    }

    pub(crate) fn all() -> Self {
        Self { threshold: Threshold::KEEPS_ALL }
    }
}

impl ShouldSample for ProbabilitySampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let state = parent.map(|parent| parent.span().span_context().trace_state().clone()).unwrap_or_default();
        let kept = self.threshold.keeps(trace_state::randomness(&state, trace_id));
        SamplingResult {
            decision: if kept { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop },
            attributes: Vec::new(),
            trace_state: trace_state::with_threshold(&state, kept.then_some(self.threshold)),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn asked(sampler: &ProbabilitySampler, state: &str, trace_id: u128) -> SamplingResult {
        let state = state.parse().unwrap_or_default();
        let parent = SpanContext::new(TraceId::from(1), SpanId::from(1), TraceFlags::default(), true, state);
        let parent = Context::new().with_remote_span_context(parent);
        sampler.should_sample(Some(&parent), TraceId::from(trace_id), "x", &SpanKind::Internal, &[], &[])
    }

    #[test]
    fn the_upper_end_of_the_randomness_is_kept_and_told() {
        let half = ProbabilitySampler::new(0.5).unwrap();
        let kept = asked(&half, "a=1,ot=th:4", 0xff_80_00_00_00_00_00_00);
        assert_eq!(
            (kept.decision, kept.trace_state.header()),
            (SamplingDecision::RecordAndSample, "ot=th:8,a=1".into())
        );
        let dropped = asked(&half, "a=1,ot=th:4", 0xff_7f_ff_ff_ff_ff_ff_ff);
        assert_eq!((dropped.decision, dropped.trace_state.header()), (SamplingDecision::Drop, "a=1".into()));
        let explicit = asked(&half, "ot=rv:80000000000000", 1);
        assert_eq!(explicit.trace_state.header(), "ot=th:8;rv:80000000000000");
    }

    #[test]
    fn shares_are_0_to_1() {
        for wrong in [-0.1, 1.1, f64::NAN] {
            assert!(ProbabilitySampler::new(wrong).unwrap_err().is_sampling_rule());
        }
        let none = asked(&ProbabilitySampler::new(0.0).unwrap(), "", u128::MAX);
        assert_eq!(none.decision, SamplingDecision::Drop);
        assert_eq!(asked(&ProbabilitySampler::all(), "", 1).trace_state.header(), "ot=th:0");
    }
}
