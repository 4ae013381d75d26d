//! The spans of one cache: `cache.get NAME`, and nested in it `cache.load NAME`.

use std::time::Duration;

use cachescope_core::{
    CacheIdentity, Clock, LoadOutcome, LoadTrigger, MissReason, RequestOutcome, RequestResult, Tier, Timestamp,
};
use cachescope_telemetry::names::{attributes, spans};
use cachescope_telemetry::{IdentityAttributes, Telemetry};
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{Link, Span, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

/// The data that all spans of one cache share.
#[derive(Debug)]
pub(crate) struct Spans {
    get: String,
    load: String,
    identity: CacheIdentity,
    telemetry: Telemetry,
}

/// The answer of a request, as its span shows it.
#[derive(Debug)]
pub(crate) struct RequestSummary {
    pub(crate) outcome: RequestOutcome,
    /// The age of the entry that answered, if one did.
    pub(crate) age: Option<Duration>,
    /// The span of the load that answered, if another request ran it.
    pub(crate) leader: Option<SpanContext>,
}

impl RequestSummary {
    pub(crate) fn new(outcome: RequestOutcome) -> Self {
        Self { outcome, age: None, leader: None }
    }

    /// Returns whether an entry or a cached error answered.
    pub(crate) fn is_hit(&self) -> bool {
        matches!(self.outcome.result, RequestResult::Hit | RequestResult::Stale)
    }

    fn link(&self) -> Option<&SpanContext> {
        self.leader.as_ref().filter(|leader| leader.is_valid())
    }
}

impl Spans {
    pub(crate) fn new(identity: CacheIdentity, telemetry: Telemetry) -> Self {
        Self {
            get: format!("{} {}", spans::GET, identity.name),
            load: format!("{} {}", spans::LOAD, identity.name),
            identity,
            telemetry,
        }
    }

    fn builder(&self, name: &str) -> SpanBuilder {
        SpanBuilder::from_name(name.to_owned()).with_kind(SpanKind::Internal)
    }

    /// Creates and ends the span of a completed request. So a sampler sees the outcome and the duration.
    pub(crate) fn record_completed(
        &self,
        parent: &Context,
        clock: &Clock,
        summary: &RequestSummary,
        start: Timestamp,
        end: Timestamp,
    ) {
        let elapsed = KeyValue::new(attributes::REQUEST_ELAPSED, end.since(start).as_secs_f64());
        let attributes = self.identity.attributes().chain(self.outcome_attributes(summary)).chain([elapsed]);
        let links = summary.link().map(|leader| Link::new(leader.clone(), Vec::new(), 0)).into_iter().collect();
        let builder = self.builder(&self.get).with_start_time(clock.wall_time(start)).with_attributes(attributes);
        let builder = builder.with_links(links);
        let mut span = self.telemetry.tracer().build_with_context(builder, parent);
        span.end_with_timestamp(clock.wall_time(end));
    }

    /// Opens the span of a request in which other spans nest: a request that loads.
    pub(crate) fn open(&self, parent: &Context, clock: &Clock, miss: Option<MissReason>, start: Timestamp) -> Context {
        let reason = miss.map(|reason| KeyValue::new(attributes::MISS_REASON, reason.as_str()));
        let attributes = self.identity.attributes().chain(reason);
        let builder = self.builder(&self.get).with_start_time(clock.wall_time(start)).with_attributes(attributes);
        parent.with_span(self.telemetry.tracer().build_with_context(builder, parent))
    }

    /// Ends a span opened by [`Spans::open`].
    pub(crate) fn close(
        &self,
        request: &Context,
        clock: &Clock,
        summary: &RequestSummary,
        reason_recorded: bool,
        end: Timestamp,
    ) {
        let span = request.span();
        if span.is_recording() {
            // The miss reason may already be there, and the SDK keeps both of two equal keys.
            let is_new = |kv: &KeyValue| !reason_recorded || kv.key.as_str() != attributes::MISS_REASON;
            span.set_attributes(self.outcome_attributes(summary).filter(is_new));
            if let Some(leader) = summary.link() {
                span.add_link(leader.clone(), Vec::new());
            }
        }
        span.end_with_timestamp(clock.wall_time(end));
    }

    fn outcome_attributes(&self, summary: &RequestSummary) -> impl Iterator<Item = KeyValue> {
        let age = summary.age.map(|age| KeyValue::new(attributes::ENTRY_AGE, age.as_secs_f64()));
        let tier = summary.outcome.tier;
        let tier = (tier == Tier::L2).then(|| KeyValue::new(attributes::TIER, tier.as_str()));
        let hit = KeyValue::new(attributes::CACHE_HIT, summary.is_hit());
        self.identity.outcome(summary.outcome).chain([hit]).chain(tier).chain(age)
    }

    fn load_builder(&self, clock: &Clock, trigger: LoadTrigger, start: Timestamp) -> SpanBuilder {
        let trigger = KeyValue::new(attributes::LOAD_TRIGGER, trigger.as_str());
        let attributes = self.identity.attributes().chain([trigger]);
        self.builder(&self.load).with_start_time(clock.wall_time(start)).with_attributes(attributes)
    }

    /// Opens the span of a load. Returns the context in which the load runs.
    pub(crate) fn load(&self, request: &Context, clock: &Clock, trigger: LoadTrigger, start: Timestamp) -> Context {
        let builder = self.load_builder(clock, trigger, start);
        request.with_span(self.telemetry.tracer().build_with_context(builder, request))
    }

    /// Opens the span of a load in the background: the root of a new trace, linked to the span of `caller`. Returns the
    /// context in which the load runs: the caller's, with its baggage and with the new span.
    pub(crate) fn refresh(&self, clock: &Clock, caller: Context, start: Timestamp) -> Context {
        let requester = caller.span().span_context().clone();
        let links = requester.is_valid().then(|| Link::new(requester, Vec::new(), 0));
        let builder = self.load_builder(clock, LoadTrigger::Refresh, start).with_links(links.into_iter().collect());
        caller.with_span(self.telemetry.tracer().build_with_context(builder, &without_span(&caller)))
    }

    /// Ends a span opened by [`Spans::load`] or [`Spans::refresh`]. The text of an error is left out: it may contain a
    /// key.
    pub(crate) fn load_ended(&self, load: &Context, clock: &Clock, outcome: LoadOutcome, end: Timestamp) {
        let span = load.span();
        if let Some(error_type) = self.identity.load_error(outcome) {
            span.set_attribute(error_type);
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(clock.wall_time(end));
    }
}
/// Returns a context with the baggage of `context` and no active span: a sampler would take any span, even an invalid
/// one, for a parent.
fn without_span(context: &Context) -> Context {
    let baggage = context.baggage().iter();
    let root = Context::new().with_baggage(
        baggage.map(|(key, (value, metadata))| KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())),
    );
    if context.is_telemetry_suppressed() { root.with_telemetry_suppressed() } else { root }
}
