//! A loom model of a reading while requests start and end. Loom runs it through all orders of its threads' steps, and
//! through all values that relaxed loads may return.

use std::sync::Arc;

use cachescope_core::{MissReason, RequestResult};
use loom::model::Builder;
use loom::thread;

use super::*;

#[test]
fn reading_never_has_an_end_without_its_start() {
    let mut builder = Builder::new();
    // Set LOOM_MAX_PREEMPTIONS to explore more.
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(|| {
        let counters = Arc::new(Counters::new());
        let outcomes = [RequestOutcome::miss(MissReason::Unknown), RequestOutcome::new(RequestResult::Coalesced)];
        let threads = outcomes.map(|outcome| {
            let counters = Arc::clone(&counters);
            thread::spawn(move || {
                for _ in 0..2 {
                    counters.request_started();
                    counters.request_ended(outcome);
                }
            })
        });
        let mut before = (0, 0);
        for _ in 0..2 {
            let CounterSnapshot { started, ended, .. } = counters.read();
            assert!(ended <= started && started <= 4, "{ended} of {started}");
            assert!(before.0 <= started && before.1 <= ended, "a counter fell");
            before = (started, ended);
        }
        threads.into_iter().for_each(|thread| thread.join().expect("a panic ends the run"));
        let CounterSnapshot { started, ended, .. } = counters.read();
        assert_eq!((started, ended), (4, 4));
    });
}
