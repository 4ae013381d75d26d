//! A model of a reading while requests begin and end: loom runs it through the orders its threads' steps can take, and
//! through the values that their relaxed loads may return.

use std::sync::Arc;

use loom::model::Builder;
use loom::thread;

use super::*;
use crate::outcome::{MissReason, RequestResult};

#[test]
fn a_reading_never_has_an_end_without_its_beginning() {
    let mut builder = Builder::new();
    // LOOM_MAX_PREEMPTIONS goes further.
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(|| {
        let counters = Arc::new(Counters::new());
        let endings = [Ending::miss(MissReason::Unknown), Ending::of(RequestResult::Coalesced)];
        let threads = endings.map(|ending| {
            let counters = Arc::clone(&counters);
            thread::spawn(move || {
                for _ in 0..2 {
                    counters.request_started();
                    counters.request_ended(ending);
                }
            })
        });
        let mut before = (0, 0);
        for _ in 0..2 {
            let Read { started, ended, .. } = counters.read();
            assert!(ended <= started && started <= 4, "{ended} of {started}");
            assert!(before.0 <= started && before.1 <= ended, "a number fell");
            before = (started, ended);
        }
        threads.into_iter().for_each(|thread| thread.join().expect("a panic ends the run"));
        let Read { started, ended, .. } = counters.read();
        assert_eq!((started, ended), (4, 4));
    });
}
