//! Waiting for a state instead of a time.

use std::time::{Duration, Instant};

/// Runs the tasks of a current-thread runtime until all are blocked.
pub(crate) async fn let_tasks_run() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// Waits until other threads have reached the state: the deadline only bounds a failure.
pub(crate) fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !what() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::yield_now();
    }
}
