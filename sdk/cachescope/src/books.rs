//! What is entered and must be closed: a request, a wait and a load each end exactly once, dropped ones too.

use std::time::Duration;

use cachescope_core::{
    Clock, Ending, LoadOutcome, LoadTrigger, MissReason, Moment, Recorder, RequestResult, WaitOutcome, WaitScope,
};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::policy::Wishes;
use crate::spans::{Answered, Spans};
use crate::verbose;

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
    verbose: bool,
    /// Where the request came from; `None` if its thread was ending and couldn't be asked.
    parent: Option<Context>,
    /// Its span, once something is to nest in it.
    opened: Option<Context>,
    /// Whether that span had the miss's reason from its start.
    reason_told: bool,
    answered: Answered,
}

impl<'a> OpenRequest<'a> {
    pub(crate) fn start(books: Books<'a>, start: Moment, wishes: Wishes) -> Self {
        books.recorder.request_started();
        let parent = Recorder::may_ask_for_context().then(Context::current);
        let answered = Answered::so(Ending::of(RequestResult::Cancelled));
        Self { books, start, verbose: wishes.verbose, parent, opened: None, reason_told: false, answered }
    }

    /// Begins a load of this request's: of a miss with its reason, or of one that left the cache aside.
    pub(crate) fn load(&mut self, miss: Option<MissReason>) -> OpenLoad<'a> {
        let Books { recorder, spans, clock } = self.books;
        let start = clock.now();
        self.open(miss);
        recorder.load_started();
        let trigger = if miss.is_some() { LoadTrigger::Miss } else { LoadTrigger::Bypass };
        let context = self.opened.as_ref().map(|opened| spans.load(opened, clock, trigger, start));
        OpenLoad::of(self.books, Underway { trigger, start, context, verbose: self.verbose })
    }

    /// Opens its span, if that hasn't been done: something is to nest in it. Gives the context to do so in.
    pub(crate) fn open(&mut self, miss: Option<MissReason>) -> Option<Context> {
        if self.opened.is_none() {
            let Books { spans, clock, .. } = self.books;
            self.opened = self.parent.as_ref().map(|parent| spans.open(parent, clock, miss, self.start));
            self.reason_told = miss.is_some();
        }
        self.opened.clone()
    }

    /// The span the request came from, for a load that it asks for without waiting.
    pub(crate) fn asker(&self) -> Option<SpanContext> {
        self.parent.as_ref().map(|parent| parent.span().span_context().clone())
    }

    /// Begins a wait of this request's, at `start`.
    pub(crate) fn wait(&self, scope: WaitScope, start: Moment) -> OpenWait<'a> {
        self.books.recorder.wait_started();
        OpenWait { books: self.books, scope, start, outcome: WaitOutcome::Cancelled, verbose: self.verbose }
    }

    /// Says how old the entry is that answers.
    pub(crate) fn aged(&mut self, age: Duration) {
        self.answered.age = Some(age);
    }

    /// Says which span the load ran in that answers.
    pub(crate) fn led_by(&mut self, leader: Option<SpanContext>) {
        self.answered.leader = leader;
    }

    pub(crate) fn end(mut self, ending: Ending) {
        self.answered.ending = ending;
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        let Books { recorder, spans, clock } = self.books;
        let end = clock.now();
        recorder.request_ended(self.answered.ending, end.since(self.start));
        if self.verbose {
            verbose::request(recorder.identity(), &self.answered, end.since(self.start));
        }
        if !Recorder::may_ask_for_context() {
            return;
        }
        match (&self.opened, &self.parent) {
            (Some(opened), _) => spans.close(opened, clock, &self.answered, self.reason_told, end),
            (None, Some(parent)) => spans.after_the_fact(parent, clock, &self.answered, self.start, end),
            (None, None) => {}
        }
    }
}

/// A run of the wrapped function. Dropped without an outcome, it was cancelled.
pub(crate) struct OpenLoad<'a> {
    books: Books<'a>,
    /// `None` once another goes on with it.
    underway: Option<Underway>,
    outcome: LoadOutcome,
}

/// What is to be known of a load that runs.
pub(crate) struct Underway {
    trigger: LoadTrigger,
    start: Moment,
    context: Option<Context>,
    verbose: bool,
}

impl<'a> OpenLoad<'a> {
    /// Goes on with what was begun, here or by another.
    pub(crate) fn of(books: Books<'a>, underway: Underway) -> Self {
        Self { books, underway: Some(underway), outcome: LoadOutcome::Cancelled }
    }

    /// Begins a load that no request waits for, asked for by `asker`.
    pub(crate) fn refresh(books: Books<'a>, asker: Option<SpanContext>) -> Self {
        let start = books.clock.now();
        books.recorder.load_started();
        let context = Recorder::may_ask_for_context().then(|| books.spans.refresh(books.clock, asker, start));
        Self::of(books, Underway { trigger: LoadTrigger::Refresh, start, context, verbose: false })
    }

    /// Leaves it to another to end this load.
    pub(crate) fn hand_over(mut self) -> Option<Underway> {
        self.underway.take()
    }

    /// The context to run the function in, where its span is the active one.
    pub(crate) fn context(&self) -> Option<Context> {
        self.underway.as_ref().and_then(|underway| underway.context.clone())
    }

    /// Its span, for others to refer to.
    pub(crate) fn span(&self) -> Option<SpanContext> {
        let context = self.underway.as_ref()?.context.as_ref()?;
        Some(context.span().span_context().clone())
    }

    /// How long it has taken so far.
    pub(crate) fn cost(&self) -> Duration {
        self.underway.as_ref().map_or(Duration::ZERO, |underway| self.books.clock.now().since(underway.start))
    }

    pub(crate) fn end(mut self, outcome: LoadOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for OpenLoad<'_> {
    fn drop(&mut self) {
        let Some(Underway { trigger, start, context, verbose }) = self.underway.take() else { return };
        let Books { recorder, spans, clock } = self.books;
        let end = clock.now();
        recorder.load_ended(trigger, self.outcome, end.since(start));
        if verbose {
            verbose::load(recorder.identity(), trigger, self.outcome, end.since(start));
        }
        if let Some(context) = context.filter(|_| Recorder::may_ask_for_context()) {
            spans.load_ended(&context, clock, self.outcome, end);
        }
    }
}

/// A wait for another's load, or for a place to load in. Dropped without an outcome, it was cancelled.
pub(crate) struct OpenWait<'a> {
    books: Books<'a>,
    scope: WaitScope,
    start: Moment,
    outcome: WaitOutcome,
    verbose: bool,
}

impl OpenWait<'_> {
    pub(crate) fn end(mut self, outcome: WaitOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for OpenWait<'_> {
    fn drop(&mut self) {
        let waited = self.books.clock.now().since(self.start);
        self.books.recorder.wait_ended(self.scope, self.outcome, waited);
        if self.verbose {
            verbose::wait(self.books.recorder.identity(), self.outcome, waited);
        }
    }
}
