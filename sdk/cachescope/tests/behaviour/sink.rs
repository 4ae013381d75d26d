//! The sink of all caches' metrics.

use std::sync::mpsc::channel;
use std::time::Duration;

use cachescope::cached;
use cachescope::metrics::{Snapshot, send_metrics_to};
use futures_util::FutureExt;

/// The snapshot of this test's cache.
fn find(caches: &[Snapshot]) -> Option<Snapshot> {
    caches.iter().find(|snapshot| snapshot.cache == "sink.squares").cloned()
}

#[test]
fn sink_gets_all_caches_at_interval_flush_and_drop() {
    let squares = cached("sink.squares", |n: u64| async move { n * n }).label("team", "search").build();
    let (to_test, sent) = channel();
    let sink = move |caches: &[Snapshot]| drop(to_test.send(find(caches)));
    let sending = send_metrics_to(sink, Duration::from_millis(1));
    let first = sent.recv().unwrap().expect("it lives");
    assert_eq!((first.labels.get("team").map(String::as_str), first.store.as_str()), (Some("search"), "moka"));
    squares.call(3).now_or_never().unwrap();
    sending.flush();
    let second = sent.try_iter().last().unwrap().expect("it lives");
    assert_eq!(second.stats.since(&first.stats).misses(), 1);
    squares.call(3).now_or_never().unwrap();
    drop(sending);
    let last = sent.try_iter().last().unwrap().expect("it lives");
    assert_eq!(last.stats.since(&second.stats).hits(), 1);
    assert_eq!(last.stats.requests(), squares.metrics().stats().requests());
    // The thread may be sending one more snapshot; then the sink is dropped, and its end of the channel.
    while sent.recv().is_ok() {}
}

#[test]
fn panicking_sink_is_called_again() {
    let squares = cached("sink.others", |n: u64| async move { n * n }).build();
    let (to_test, sent) = channel();
    let sink = move |_: &[Snapshot]| {
        to_test.send(()).unwrap();
        std::panic::resume_unwind(Box::new("on purpose"));
    };
    let sending = send_metrics_to(sink, Duration::from_millis(1));
    (0..3).for_each(|_| sent.recv().unwrap());
    drop(sending);
    assert_eq!(squares.call(3).now_or_never(), Some(9));
}
