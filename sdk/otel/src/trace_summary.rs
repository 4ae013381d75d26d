//! The span processor that adds a summary of a trace's cache requests to the trace's first span.

use std::time::Duration;

use cachescope_telemetry::names::attributes::TRACE_REQUESTS;
use cachescope_telemetry::trace_summary;
use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanContext, SpanId, TraceContextExt};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// Wraps another span processor, and adds a summary of a trace's cache requests to the trace's first span in this
/// process:
///
/// | attribute | |
/// |---|---|
/// | `cachescope.trace.requests` | number of requests, to all caches |
/// | `cachescope.trace.hits` | number of requests answered by a cache |
/// | `cachescope.trace.loads` | number of loads that the requests ran |
/// | `cachescope.trace.wait.time` | seconds spent in loads and in waits for other requests' loads; parallel requests add up |
/// | `cachescope.trace.saved.time` | seconds of load time that cache hits avoided |
///
/// So one span per trace answers "which slow pages waited for caches". The numbers count every request, whichever
/// request spans a [`CacheSampler`](crate::CacheSampler) drops. A span without cache requests below it has none of
/// these attributes. A request that itself began the trace isn't counted.
///
/// [`Setup`](crate::Setup) wraps every processor that it installs. In your own provider, wrap each processor that needs
/// the attributes. The first span is a span without a parent, or with a parent in another process. A service that is
/// called several times in one trace has several first spans, each with its own numbers.
///
/// # Cost
///
/// - 0.08 µs for a trace's first span, some nanoseconds for any other span, and 0.1 µs for a request within a recorded
///   span.
/// - If two first spans of one trace are open at a time, each span below the second costs as much as a request.
/// - Traces that aren't sampled cost nothing.
/// - Of traces that don't end, the last 10,000 are kept, in 2 MB, and 100,000 spans, in 4 MB.
///
/// ```
/// use cachescope_otel::TraceSummaryProcessor;
/// use opentelemetry_sdk::trace::{BatchSpanProcessor, InMemorySpanExporter, SdkTracerProvider};
///
/// let exporter = InMemorySpanExporter::default(); // your exporter
/// let tracers = SdkTracerProvider::builder()
///     .with_span_processor(TraceSummaryProcessor::new(BatchSpanProcessor::builder(exporter).build()))
///     .build();
/// # drop(tracers);
/// ```
#[derive(Debug)]
#[doc(alias = "SpanProcessor")]
pub struct TraceSummaryProcessor<P> {
    next: P,
}

impl<P: SpanProcessor> TraceSummaryProcessor<P> {
    /// Wraps `next`, which receives every span.
    #[must_use]
    pub fn new(next: P) -> Self {
        Self { next }
    }
}

impl<P: SpanProcessor> SpanProcessor for TraceSummaryProcessor<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        let parent = cx.span();
        if is_of_this_process(parent.span_context()) {
            trace_summary::child_started(parent.span_context().into(), span.span_context().into());
        } else {
            trace_summary::root_started(span.span_context().into());
        }
        self.next.on_start(span, cx);
    }

    fn on_end(&self, mut span: SpanData) {
        if (span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote)
            && let Some(tally) = trace_summary::root_ended((&span.span_context).into())
            && tally.requests > 0
            // An outer TraceSummaryProcessor may have added the attributes.
            && !span.attributes.iter().any(|kv| kv.key.as_str() == TRACE_REQUESTS)
        {
            span.attributes.extend(tally.attributes());
        }
        self.next.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.next.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

fn is_of_this_process(parent: &SpanContext) -> bool {
    parent.is_valid() && !parent.is_remote()
}

#[cfg(test)]
mod tests {
    use cachescope_telemetry::trace_summary::TraceTotals;
    use opentelemetry::trace::{TraceFlags, TraceId, TraceState, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SimpleSpanProcessor};

    use super::*;

    fn processor(exporter: &InMemorySpanExporter) -> TraceSummaryProcessor<SimpleSpanProcessor<InMemorySpanExporter>> {
        TraceSummaryProcessor::new(SimpleSpanProcessor::new(exporter.clone()))
    }

    fn below(provider: &SdkTracerProvider, name: &'static str, parent: &Context) -> Context {
        parent.with_span(provider.tracer("app").start_with_context(name, parent))
    }

    fn request_within(context: &Context) {
        trace_summary::add(context.span().span_context().into(), TraceTotals { requests: 1, ..TraceTotals::default() });
    }

    /// Spans with a summary, with the number of requests, in the order of their ends.
    fn summaries(exporter: &InMemorySpanExporter) -> Vec<(String, String)> {
        let spans = exporter.get_finished_spans().unwrap();
        let attributes = spans.iter().flat_map(|span| span.attributes.iter().map(|kv| (span.name.to_string(), kv)));
        let requests = attributes.filter(|(_, kv)| kv.key.as_str() == TRACE_REQUESTS);
        requests.map(|(name, kv)| (name, kv.value.to_string())).collect()
    }

    fn pair(name: &str, requests: &str) -> (String, String) {
        (name.to_owned(), requests.to_owned())
    }

    #[test]
    fn each_wrapped_processor_gets_the_summary_once() {
        let [one, other, twice, without] = std::array::from_fn(|_| InMemorySpanExporter::default());
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor(&one))
            .with_span_processor(processor(&other))
            .with_span_processor(TraceSummaryProcessor::new(processor(&twice)))
            .with_simple_exporter(without.clone())
            .build();
        let root = below(&provider, "root", &Context::new());
        let child = below(&provider, "child", &root);
        request_within(&child);
        drop(child);
        request_within(&root);
        let key = root.span().span_context().into();
        drop(root);
        for exporter in [&one, &other, &twice] {
            assert_eq!(summaries(exporter), [pair("root", "2")]);
        }
        assert_eq!((summaries(&without).len(), without.get_finished_spans().unwrap().len()), (0, 2));
        assert_eq!(trace_summary::root_ended(key), None, "the trace's summary is still kept");
    }

    #[test]
    fn span_with_a_remote_parent_gets_its_own_summary() {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_span_processor(processor(&exporter)).build();
        let sampled = TraceFlags::SAMPLED;
        let remote = SpanContext::new(TraceId::from(77), SpanId::from(5), sampled, true, TraceState::default());
        let remote = Context::new().with_remote_span_context(remote);
        let (one, other) = (below(&provider, "one", &remote), below(&provider, "other", &remote));
        let child = below(&provider, "child", &other);
        [&one, &child, &child].into_iter().for_each(request_within);
        drop(one);
        drop(child);
        drop(other);
        assert_eq!(summaries(&exporter), [pair("one", "1"), pair("other", "2")]);
    }

    #[test]
    fn unsampled_trace_keeps_no_summary() {
        let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff);
        let provider = provider.with_span_processor(processor(&InMemorySpanExporter::default())).build();
        let root = below(&provider, "root", &Context::new());
        request_within(&root);
        assert_eq!(trace_summary::root_ended(root.span().span_context().into()), None);
    }
}
