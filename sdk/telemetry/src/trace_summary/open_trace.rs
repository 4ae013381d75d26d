//! An open trace: its roots in this process, and the spans below them.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use opentelemetry::trace::SpanId;

use super::trace_totals::TraceTotals;

/// A trace with at least one root that hasn't ended.
pub(super) struct OpenTrace {
    /// The sequence number of the trace in this process.
    pub(super) number: u64,
    /// The first root. All spans that aren't below a later root belong to it.
    first: SpanId,
    roots: Vec<Root>,
    /// Present once more than one root was open at a time. Spans are then remembered until the trace is over.
    later_roots: Option<Box<LaterRoots>>,
}

struct Root {
    span: SpanId,
    /// The number of span processors that reported the start.
    processors: u32,
    totals: TraceTotals,
}

/// The spans below later roots, each with its root.
#[derive(Default)]
struct LaterRoots {
    root_of: HashMap<SpanId, SpanId, RandomState>,
    /// Whether spans were left out because there were too many. An unknown span may then belong to any root.
    is_incomplete: bool,
}

impl Root {
    fn new(span: SpanId) -> Self {
        Self { span, processors: 1, totals: TraceTotals::default() }
    }
}

impl LaterRoots {
    fn insert(&mut self, span: SpanId, root: SpanId, has_capacity: bool) {
        if has_capacity {
            self.root_of.insert(span, root);
        } else {
            self.is_incomplete = true;
        }
    }
}

impl OpenTrace {
    pub(super) fn new(number: u64, first: SpanId) -> Self {
        Self { number, first, roots: vec![Root::new(first)], later_roots: None }
    }

    /// Returns the number of remembered spans.
    pub(super) fn remembered(&self) -> usize {
        self.later_roots.as_ref().map_or(0, |later| later.root_of.len())
    }

    /// Returns whether all roots have ended.
    pub(super) fn is_over(&self) -> bool {
        self.roots.is_empty()
    }

    /// Adds a root, or another processor that reported it. A new root is remembered if there is capacity.
    pub(super) fn root_started(&mut self, span: SpanId, has_capacity: bool) {
        if let Some(root) = self.roots.iter_mut().find(|root| root.span == span) {
            root.processors += 1;
            return;
        }
        self.roots.push(Root::new(span));
        self.later_roots.get_or_insert_default().insert(span, span, has_capacity);
    }

    /// Remembers a span below `parent`, if `parent` is below a later root and there is capacity.
    pub(super) fn child_started(&mut self, parent: SpanId, span: SpanId, has_capacity: bool) {
        if let Some(later) = &mut self.later_roots
            && let Some(root) = later.root_of.get(&parent).copied()
        {
            later.insert(span, root, has_capacity);
        }
    }

    /// Adds totals to the root of `span`, unless the root has ended.
    pub(super) fn add(&mut self, span: SpanId, more: TraceTotals) {
        let root = match &self.later_roots {
            None => Some(self.first),
            Some(later) => later.root_of.get(&span).copied().or((!later.is_incomplete).then_some(self.first)),
        };
        if let Some(root) = self.roots.iter_mut().find(|known| Some(known.span) == root) {
            root.totals.add(more);
        }
    }

    /// Returns the totals of a root. The root ends when the last processor has reported its end.
    pub(super) fn root_ended(&mut self, span: SpanId) -> Option<TraceTotals> {
        let index = self.roots.iter().position(|root| root.span == span)?;
        let root = &mut self.roots[index];
        let totals = root.totals;
        root.processors -= 1;
        if root.processors == 0 {
            self.roots.swap_remove(index);
        }
        Some(totals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> TraceTotals {
        TraceTotals { requests: 1, ..TraceTotals::default() }
    }

    fn span(id: u64) -> SpanId {
        SpanId::from(id)
    }

    fn requests(totals: Option<TraceTotals>) -> Option<u64> {
        totals.map(|totals| totals.requests)
    }

    #[test]
    fn each_root_of_a_trace_has_the_totals_below_it() {
        let mut trace = OpenTrace::new(0, span(1));
        trace.child_started(span(1), span(11), true);
        trace.root_started(span(2), true);
        trace.child_started(span(2), span(21), true);
        trace.child_started(span(21), span(22), true);
        trace.child_started(span(11), span(12), true);
        trace.root_started(span(3), true);
        [11, 12, 1, 21, 22, 22, 3].into_iter().for_each(|id| trace.add(span(id), one()));
        assert_eq!(requests(trace.root_ended(span(1))), Some(3));
        trace.add(span(12), one());
        trace.add(span(21), one());
        assert_eq!((requests(trace.root_ended(span(2))), requests(trace.root_ended(span(3)))), (Some(4), Some(1)));
        assert!(trace.is_over() && trace.root_ended(span(3)).is_none());
    }

    #[test]
    fn root_seen_by_several_processors_ends_with_the_last() {
        let mut trace = OpenTrace::new(0, span(1));
        trace.root_started(span(1), true);
        trace.add(span(7), one());
        assert_eq!(requests(trace.root_ended(span(1))), Some(1));
        assert_eq!((trace.is_over(), trace.remembered()), (false, 0));
        assert_eq!(requests(trace.root_ended(span(1))), Some(1));
        assert!(trace.is_over());
    }

    #[test]
    fn span_beyond_the_limit_is_not_added_to_another_root() {
        let mut trace = OpenTrace::new(0, span(1));
        trace.root_started(span(2), true);
        trace.child_started(span(2), span(21), true);
        trace.child_started(span(2), span(22), false);
        assert_eq!(trace.remembered(), 2);
        trace.add(span(21), one());
        trace.add(span(22), one());
        trace.add(span(1), one());
        assert_eq!((requests(trace.root_ended(span(1))), requests(trace.root_ended(span(2)))), (Some(0), Some(1)));
    }
}
