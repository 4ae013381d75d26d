//! What is entered and must be closed: a request, a wait and a load each end exactly once, dropped ones too.

use std::time::Duration;

use cachescope_core::{
    Clock, Ending, LoadOutcome, LoadTrigger, MissReason, Moment, Recorder, RequestResult, WaitOutcome,
};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::spans::Spans;

/// What entries are made in.
#[derive(Clone, Copy)]
pub(crate) struct Books<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) spans: &'a Spans,
    pub(crate) clock: &'a Clock,
}

/// A request that wasn't a plain hit. Dropped without an end, it was cancelled.
pub(crate) struct OpenRequest<'a> {
    books: Books<'a>,
    start: Moment,
    /// It wants nothing older.
    max_age: Option<Duration>,
    /// Where the request came from; `None` if its thread was ending and couldn't be asked.
    parent: Option<Context>,
    /// Its span, once something is to nest in it.
    opened: Option<Context>,
    /// Until when the entry was fresh that a load of this request's takes the place of.
    renews: Option<Moment>,
    ending: Ending,
}

impl<'a> OpenRequest<'a> {
    pub(crate) fn start(books: Books<'a>, start: Moment, max_age: Option<Duration>) -> Self {
        books.recorder.request_started();
        let parent = Recorder::may_ask_for_context().then(Context::current);
        Self { books, start, max_age, parent, opened: None, renews: None, ending: Ending::of(RequestResult::Cancelled) }
    }

    /// Begins a load of this request's: of a miss with its reason, or of one that left the cache aside.
    pub(crate) fn load(&mut self, miss: Option<MissReason>) -> OpenLoad<'a> {
        let Books { recorder, spans, clock } = self.books;
        let start = clock.now();
        if self.opened.is_none() {
            self.opened = self.parent.as_ref().map(|parent| spans.open(parent, clock, miss, self.start));
        }
        recorder.load_started();
        let trigger = if miss.is_some() { LoadTrigger::Miss } else { LoadTrigger::Bypass };
        let context = self.opened.as_ref().map(|opened| spans.load(opened, clock, trigger, start));
        OpenLoad { books: self.books, trigger, start, context, outcome: LoadOutcome::Cancelled }
    }

    /// Says until when the entry was fresh that this request found.
    pub(crate) fn found(&mut self, fresh_until: Moment) {
        self.renews = Some(fresh_until);
    }

    /// How far past its time the entry is that a load of this request's has just taken the place of.
    pub(crate) fn renewed_age(&self) -> Option<Duration> {
        self.renews.map(|fresh_until| self.books.clock.now().since(fresh_until))
    }

    /// How old an entry it takes.
    pub(crate) fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// The span the request came from, for a load that it asks for without waiting.
    pub(crate) fn asker(&self) -> Option<SpanContext> {
        self.parent.as_ref().map(|parent| parent.span().span_context().clone())
    }

    /// Begins a wait of this request's, at `start`.
    pub(crate) fn wait(&self, start: Moment) -> OpenWait<'a> {
        self.books.recorder.wait_started();
        OpenWait { books: self.books, start, outcome: WaitOutcome::Cancelled }
    }

    pub(crate) fn end(mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        let Books { recorder, spans, clock } = self.books;
        let end = clock.now();
        recorder.request_ended(self.ending, end.since(self.start));
        if !Recorder::may_ask_for_context() {
            return;
        }
        match (&self.opened, &self.parent) {
            (Some(opened), _) => spans.close(opened, clock, self.ending, end),
            (None, Some(parent)) => spans.after_the_fact(parent, clock, self.ending, self.start, end),
            (None, None) => {}
        }
    }
}

/// A run of the wrapped function. Dropped without an outcome, it was cancelled.
pub(crate) struct OpenLoad<'a> {
    books: Books<'a>,
    trigger: LoadTrigger,
    start: Moment,
    context: Option<Context>,
    outcome: LoadOutcome,
}

impl<'a> OpenLoad<'a> {
    /// Begins a load that no request waits for, asked for by `asker`.
    pub(crate) fn refresh(books: Books<'a>, asker: Option<SpanContext>) -> Self {
        let start = books.clock.now();
        books.recorder.load_started();
        let context = Recorder::may_ask_for_context().then(|| books.spans.refresh(books.clock, asker, start));
        Self { books, trigger: LoadTrigger::Refresh, start, context, outcome: LoadOutcome::Cancelled }
    }

    /// The context to run the function in, where its span is the active one.
    pub(crate) fn context(&self) -> Option<Context> {
        self.context.clone()
    }

    pub(crate) fn end(mut self, outcome: LoadOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for OpenLoad<'_> {
    fn drop(&mut self) {
        let Books { recorder, spans, clock } = self.books;
        let end = clock.now();
        recorder.load_ended(self.trigger, self.outcome, end.since(self.start));
        if let Some(context) = self.context.as_ref().filter(|_| Recorder::may_ask_for_context()) {
            spans.load_ended(context, clock, self.outcome, end);
        }
    }
}

/// A wait for another request's load. Dropped without an outcome, it was cancelled.
pub(crate) struct OpenWait<'a> {
    books: Books<'a>,
    start: Moment,
    outcome: WaitOutcome,
}

impl OpenWait<'_> {
    pub(crate) fn end(mut self, outcome: WaitOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for OpenWait<'_> {
    fn drop(&mut self) {
        let waited = self.books.clock.now().since(self.start);
        self.books.recorder.wait_ended(self.outcome, waited);
    }
}
