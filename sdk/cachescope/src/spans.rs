//! The spans of one cache: `cache.get NAME`, and below it `cache.load NAME`.

use std::time::Duration;

use cachescope_core::names::{attributes, spans};
use cachescope_core::{
    Clock, Ending, Identity, LoadOutcome, LoadTrigger, MissReason, Moment, RequestResult, Telemetry, Tier,
};
use opentelemetry::trace::{Link, Span, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

/// What the spans of one cache have in common.
#[derive(Debug)]
pub(crate) struct Spans {
    get: String,
    load: String,
    identity: Identity,
    telemetry: Telemetry,
}

/// How a request was answered, as its span tells it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) ending: Ending,
    /// How old the entry is that answered, if one did.
    pub(crate) age: Option<Duration>,
    /// The span of the load that answered, if another request ran it.
    pub(crate) leader: Option<SpanContext>,
}

impl Answered {
    pub(crate) fn so(ending: Ending) -> Self {
        Self { ending, age: None, leader: None }
    }

    /// Whether an entry answered, or an error that is remembered.
    pub(crate) fn is_hit(&self) -> bool {
        matches!(self.ending.result, RequestResult::Hit | RequestResult::Stale)
    }

    fn link(&self) -> Option<&SpanContext> {
        self.leader.as_ref().filter(|leader| leader.is_valid())
    }
}

impl Spans {
    pub(crate) fn new(identity: Identity, telemetry: Telemetry) -> Self {
        Self {
            get: format!("{} {}", spans::GET, identity.cache),
            load: format!("{} {}", spans::LOAD, identity.cache),
            identity,
            telemetry,
        }
    }

    fn builder(&self, name: &str) -> SpanBuilder {
        SpanBuilder::from_name(name.to_owned()).with_kind(SpanKind::Internal)
    }

    /// A request's span, made when all is known of it: the sampler sees how it ended, and how long it took.
    pub(crate) fn after_the_fact(
        &self,
        parent: &Context,
        clock: &Clock,
        answered: &Answered,
        start: Moment,
        end: Moment,
    ) {
        let elapsed = KeyValue::new(attributes::REQUEST_ELAPSED, end.since(start).as_secs_f64());
        let attributes = self.identity.attributes().chain(self.answered(answered)).chain([elapsed]);
        let links = answered.link().map(|leader| Link::new(leader.clone(), Vec::new(), 0)).into_iter().collect();
        let builder = self.builder(&self.get).with_start_time(clock.wall(start)).with_attributes(attributes);
        let builder = builder.with_links(links);
        let mut span = self.telemetry.tracer().build_with_context(builder, parent);
        span.end_with_timestamp(clock.wall(end));
    }

    /// A request's span that others are to nest in: one that loads.
    pub(crate) fn open(&self, parent: &Context, clock: &Clock, miss: Option<MissReason>, start: Moment) -> Context {
        let reason = miss.map(|reason| KeyValue::new(attributes::MISS_REASON, reason.as_str()));
        let attributes = self.identity.attributes().chain(reason);
        let builder = self.builder(&self.get).with_start_time(clock.wall(start)).with_attributes(attributes);
        parent.with_span(self.telemetry.tracer().build_with_context(builder, parent))
    }

    /// Ends what [`Spans::open`] opened.
    pub(crate) fn close(&self, opened: &Context, clock: &Clock, answered: &Answered, reason_told: bool, end: Moment) {
        let span = opened.span();
        if span.is_recording() {
            // Where the miss's reason stands there already: the SDK keeps both of two equal keys.
            let is_new = |kv: &KeyValue| !reason_told || kv.key.as_str() != attributes::MISS_REASON;
            span.set_attributes(self.answered(answered).filter(is_new));
            if let Some(leader) = answered.link() {
                span.add_link(leader.clone(), Vec::new());
            }
        }
        span.end_with_timestamp(clock.wall(end));
    }

    fn answered(&self, answered: &Answered) -> impl Iterator<Item = KeyValue> {
        let age = answered.age.map(|age| KeyValue::new(attributes::ENTRY_AGE, age.as_secs_f64()));
        let tier = answered.ending.tier;
        let tier = (tier == Tier::L2).then(|| KeyValue::new(attributes::TIER, tier.as_str()));
        let hit = KeyValue::new(attributes::CACHE_HIT, answered.is_hit());
        self.identity.ending(answered.ending).chain([hit]).chain(tier).chain(age)
    }

    fn load_builder(&self, clock: &Clock, trigger: LoadTrigger, start: Moment) -> SpanBuilder {
        let trigger = KeyValue::new(attributes::LOAD_TRIGGER, trigger.as_str());
        let attributes = self.identity.attributes().chain([trigger]);
        self.builder(&self.load).with_start_time(clock.wall(start)).with_attributes(attributes)
    }

    /// The span of a load, in a context to run it in.
    pub(crate) fn load(&self, request: &Context, clock: &Clock, trigger: LoadTrigger, start: Moment) -> Context {
        let builder = self.load_builder(clock, trigger, start);
        request.with_span(self.telemetry.tracer().build_with_context(builder, request))
    }

    /// The span of a load that nobody waits for: a trace of its own, linked to what asked for it.
    pub(crate) fn refresh(&self, clock: &Clock, asker: Option<SpanContext>, start: Moment) -> Context {
        let links = asker.filter(SpanContext::is_valid).map(|asker| Link::new(asker, Vec::new(), 0));
        let builder = self.load_builder(clock, LoadTrigger::Refresh, start).with_links(links.into_iter().collect());
        let root = Context::new();
        root.with_span(self.telemetry.tracer().build_with_context(builder, &root))
    }

    /// Ends what [`Spans::load`] or [`Spans::refresh`] began. The error's text stays out: it may hold a key.
    pub(crate) fn load_ended(&self, load: &Context, clock: &Clock, outcome: LoadOutcome, end: Moment) {
        let span = load.span();
        if let Some(error_type) = self.identity.load_error(outcome) {
            span.set_attribute(error_type);
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(clock.wall(end));
    }
}
