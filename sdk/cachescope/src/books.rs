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
use crate::within::Within;

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
    /// The trace it is part of, if that is recorded.
    within: Option<Within>,
    /// Its span, once something is to nest in it.
    opened: Option<Context>,
    /// Whether that span had the miss's reason from its start.
    reason_told: bool,
    answered: Answered,
    /// What the load of the entry took that answers.
    spared: Duration,
}

impl<'a> OpenRequest<'a> {
    pub(crate) fn start(books: Books<'a>, start: Moment, wishes: Wishes) -> Self {
        books.recorder.request_started();
        let parent = Recorder::may_ask_for_context().then(Context::current);
        let within = parent.as_ref().and_then(Within::current);
        Self {
            books,
            start,
            verbose: wishes.verbose,
            parent,
            within,
            opened: None,
            reason_told: false,
            answered: Answered::so(Ending::of(RequestResult::Cancelled)),
            spared: Duration::ZERO,
        }
    }

    /// Begins a load of this request's: of a miss with its reason, or of one that left the cache aside.
    pub(crate) fn load(&mut self, miss: Option<MissReason>) -> OpenLoad<'a> {
        let Books { recorder, spans, clock } = self.books;
        let start = clock.now();
        self.open(miss);
        recorder.load_started();
        let trigger = if miss.is_some() { LoadTrigger::Miss } else { LoadTrigger::Bypass };
        let context = self.opened.as_ref().map(|opened| {
            let context = spans.load(opened, clock, trigger, start);
            self.within.map_or_else(|| context.clone(), |within| within.load(&context))
        });
        OpenLoad::of(self.books, Underway { trigger, start, context, within: self.within, verbose: self.verbose })
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
        let (within, verbose) = (self.within, self.verbose);
        OpenWait { books: self.books, scope, start, outcome: WaitOutcome::Cancelled, within, verbose }
    }

    /// Says how old the entry is that answers.
    pub(crate) fn aged(&mut self, age: Duration) {
        self.answered.age = Some(age);
    }

    /// Says what the load of the entry took that answers.
    pub(crate) fn spared(&mut self, cost: Duration) {
        self.spared = cost;
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
        let took = end.since(self.start);
        recorder.request_ended(self.answered.ending, took);
        if let Some(within) = self.within {
            // Before its span ends, within which it may be.
            within.request_ended(self.answered.is_hit().then(|| self.spared.saturating_sub(took)));
        }
        if self.verbose {
            verbose::request(recorder.identity(), &self.answered, took);
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
    /// The trace whose request waits for it.
    within: Option<Within>,
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
        Self::of(books, Underway { trigger: LoadTrigger::Refresh, start, context, within: None, verbose: false })
    }

    /// Leaves it to another to end this load, for which no request waits any longer.
    pub(crate) fn hand_over(mut self) -> Option<Underway> {
        let took = self.cost();
        let mut underway = self.underway.take()?;
        if let Some(within) = underway.within.take() {
            within.load_ended(took);
        }
        Some(underway)
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
        let Some(Underway { trigger, start, context, within, verbose }) = self.underway.take() else { return };
        let Books { recorder, spans, clock } = self.books;
        let end = clock.now();
        let took = end.since(start);
        recorder.load_ended(trigger, self.outcome, took);
        if let Some(within) = within {
            within.load_ended(took);
        }
        if verbose {
            verbose::load(recorder.identity(), trigger, self.outcome, took);
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
    within: Option<Within>,
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
        if let Some(within) = self.within {
            within.waited(waited);
        }
        if self.verbose {
            verbose::wait(self.books.recorder.identity(), self.outcome, waited);
        }
    }
}
