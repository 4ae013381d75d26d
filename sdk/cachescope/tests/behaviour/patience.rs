//! Waiting for a state, and not for a time.

use std::time::{Duration, Instant};

/// The tasks of a current-thread runtime run to where they can't go on.
pub(crate) async fn let_tasks_run() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// Until other threads have brought it about: the deadline only bounds a failure.
pub(crate) fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !what() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::yield_now();
    }
}
