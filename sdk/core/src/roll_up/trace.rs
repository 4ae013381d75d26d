//! What is to be known of one trace: its roots in this process, and which spans are below which.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use opentelemetry::trace::SpanId;

use super::tally::Tally;

/// A trace with at least one root that hasn't ended.
pub(super) struct Trace {
    /// Which one it is of all that began here.
    pub(super) number: u64,
    /// The root it began with, which has all that no later one has.
    first: SpanId,
    roots: Vec<Root>,
    /// Only where there was more than one root at a time: then spans are told apart, till the trace is over.
    later: Option<Box<Later>>,
}

struct Root {
    span: SpanId,
    /// Several processors see each span.
    holders: u32,
    tally: Tally,
}

/// Spans of the roots that came later, each with its root.
#[derive(Default)]
struct Later {
    roots: HashMap<SpanId, SpanId, RandomState>,
    /// There were too many: what isn't known may be of any root.
    overgrown: bool,
}

impl Root {
    fn new(span: SpanId) -> Self {
        Self { span, holders: 1, tally: Tally::default() }
    }
}

impl Later {
    fn insert(&mut self, span: SpanId, root: SpanId, room: bool) {
        if room {
            self.roots.insert(span, root);
        } else {
            self.overgrown = true;
        }
    }
}

impl Trace {
    pub(super) fn new(number: u64, first: SpanId) -> Self {
        Self { number, first, roots: vec![Root::new(first)], later: None }
    }

    /// How many of its spans are remembered, to be told apart.
    pub(super) fn remembered(&self) -> usize {
        self.later.as_ref().map_or(0, |later| later.roots.len())
    }

    /// Whether all its roots have ended.
    pub(super) fn is_over(&self) -> bool {
        self.roots.is_empty()
    }

    /// One more root began, or another processor saw one begin. It is remembered if there is room.
    pub(super) fn begin(&mut self, span: SpanId, room: bool) {
        if let Some(root) = self.roots.iter_mut().find(|root| root.span == span) {
            root.holders += 1;
            return;
        }
        self.roots.push(Root::new(span));
        self.later.get_or_insert_default().insert(span, span, room);
    }

    /// A span began below `parent`. It is remembered if there is room.
    pub(super) fn started(&mut self, parent: SpanId, span: SpanId, room: bool) {
        if let Some(later) = &mut self.later
            && let Some(root) = later.roots.get(&parent).copied()
        {
            later.insert(span, root, room);
        }
    }

    /// Adds what happened in `span`, unless its root has ended.
    pub(super) fn add(&mut self, span: SpanId, more: Tally) {
        let root = match &self.later {
            None => Some(self.first),
            Some(later) => later.roots.get(&span).copied().or((!later.overgrown).then_some(self.first)),
        };
        if let Some(root) = self.roots.iter_mut().find(|known| Some(known.span) == root) {
            root.tally.add(more);
        }
    }

    /// What a root came to, which ends with the last processor that saw it begin.
    pub(super) fn end(&mut self, span: SpanId) -> Option<Tally> {
        let index = self.roots.iter().position(|root| root.span == span)?;
        let root = &mut self.roots[index];
        let tally = root.tally;
        root.holders -= 1;
        if root.holders == 0 {
            self.roots.swap_remove(index);
        }
        Some(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Tally {
        Tally { requests: 1, ..Tally::default() }
    }

    fn span(id: u64) -> SpanId {
        SpanId::from(id)
    }

    fn requests(tally: Option<Tally>) -> Option<u64> {
        tally.map(|tally| tally.requests)
    }

    #[test]
    fn roots_of_one_trace_have_each_what_is_below_it() {
        let mut trace = Trace::new(0, span(1));
        trace.started(span(1), span(11), true);
        trace.begin(span(2), true);
        trace.started(span(2), span(21), true);
        trace.started(span(21), span(22), true);
        trace.started(span(11), span(12), true);
        trace.begin(span(3), true);
        [11, 12, 1, 21, 22, 22, 3].into_iter().for_each(|id| trace.add(span(id), one()));
        assert_eq!(requests(trace.end(span(1))), Some(3));
        trace.add(span(12), one());
        trace.add(span(21), one());
        assert_eq!((requests(trace.end(span(2))), requests(trace.end(span(3)))), (Some(4), Some(1)));
        assert!(trace.is_over() && trace.end(span(3)).is_none());
    }

    #[test]
    fn a_root_that_several_processors_saw_begin_ends_with_the_last_of_them() {
        let mut trace = Trace::new(0, span(1));
        trace.begin(span(1), true);
        trace.add(span(7), one());
        assert_eq!(requests(trace.end(span(1))), Some(1));
        assert_eq!((trace.is_over(), trace.remembered()), (false, 0));
        assert_eq!(requests(trace.end(span(1))), Some(1));
        assert!(trace.is_over());
    }

    #[test]
    fn of_too_many_spans_none_is_taken_for_another_s() {
        let mut trace = Trace::new(0, span(1));
        trace.begin(span(2), true);
        trace.started(span(2), span(21), true);
        trace.started(span(2), span(22), false);
        assert_eq!(trace.remembered(), 2);
        trace.add(span(21), one());
        trace.add(span(22), one());
        trace.add(span(1), one());
        assert_eq!((requests(trace.end(span(1))), requests(trace.end(span(2)))), (Some(0), Some(1)));
    }
}
