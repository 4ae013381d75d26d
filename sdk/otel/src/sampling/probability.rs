//! A sampler that keeps a share of all traces and records its threshold in tracestate.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::threshold::Threshold;
use super::trace_state;
use crate::Error;

/// Keeps a share of all traces by consistent probability sampling.
///
/// The sampler records its threshold in tracestate, as `ot=th:…`. From the threshold, a reader of a span knows the
/// span's adjusted count: the number of spans that it represents.
///
/// The decision depends only on the trace id (or its `rv`), so services with different shares keep the same traces as
/// far as they can. The SDK's own `TraceIdRatioBased` also decides by the id, but keeps the other end of its range and
/// records nothing: spans that are [sampled further](crate::CacheSampler) below it can't be counted.
///
/// The parent's decision is ignored. To sample only roots, wrap this sampler in a `ParentBasedSampler`, which passes on
/// the parent's tracestate (`Sampler::ParentBased` loses the root's). A decision on a root costs 0.4 µs.
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
#[doc(alias = "TraceIdRatioBased")]
#[doc(alias = "consistent probability sampling")]
pub struct ProbabilitySampler {
    threshold: Threshold,
}

impl ProbabilitySampler {
    /// Creates a sampler that keeps this share of traces, from 0.0 to 1.0.
    ///
    /// # Errors
    ///
    /// [`Error::is_sampling_rule`] if `share` isn't from 0.0 to 1.0.
    pub fn new(share: f64) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::sampling_rule(&share, "a share of traces from 0.0 to 1.0"));
        }
        Ok(Self { threshold: Threshold::from_rate(share) })
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

    fn sample(sampler: &ProbabilitySampler, state: &str, trace_id: u128) -> SamplingResult {
        let state = state.parse().unwrap_or_default();
        let parent = SpanContext::new(TraceId::from(1), SpanId::from(1), TraceFlags::default(), true, state);
        let parent = Context::new().with_remote_span_context(parent);
        sampler.should_sample(Some(&parent), TraceId::from(trace_id), "x", &SpanKind::Internal, &[], &[])
    }

    #[test]
    fn upper_end_of_the_randomness_is_kept_with_its_threshold() {
        let half = ProbabilitySampler::new(0.5).unwrap();
        let kept = sample(&half, "a=1,ot=th:4", 0xff_80_00_00_00_00_00_00);
        assert_eq!(
            (kept.decision, kept.trace_state.header()),
            (SamplingDecision::RecordAndSample, "ot=th:8,a=1".into())
        );
        let dropped = sample(&half, "a=1,ot=th:4", 0xff_7f_ff_ff_ff_ff_ff_ff);
        assert_eq!((dropped.decision, dropped.trace_state.header()), (SamplingDecision::Drop, "a=1".into()));
        let explicit = sample(&half, "ot=rv:80000000000000", 1);
        assert_eq!(explicit.trace_state.header(), "ot=th:8;rv:80000000000000");
    }

    #[test]
    fn share_must_be_from_0_to_1() {
        for wrong in [-0.1, 1.1, f64::NAN] {
            assert!(ProbabilitySampler::new(wrong).unwrap_err().is_sampling_rule());
        }
        let none = sample(&ProbabilitySampler::new(0.0).unwrap(), "", u128::MAX);
        assert_eq!(none.decision, SamplingDecision::Drop);
        assert_eq!(sample(&ProbabilitySampler::all(), "", 1).trace_state.header(), "ot=th:0");
    }
}
