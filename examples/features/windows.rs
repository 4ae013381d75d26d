//! Problem: totals since the start of a process don't show the current state.
//! Solution: `metrics().window(..)` has the same numbers for the last minute, hour or day.

use std::time::Duration;

use cachescope::{Clock, Window, cached};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, manual_clock) = Clock::manual();
    let load_clock = manual_clock.clone();
    let load = move |id: u64| {
        load_clock.advance(Duration::from_millis(5 + id % 20)); // imagine a database query here
        async move { id }
    };
    let user = cached("user.by_id", load).stale_after(Duration::from_secs(600)).clock(clock).build();
    // A quiet morning, read every minute, and then a busy minute.
    let mut quiet = Vec::new();
    for minute in 0..180 {
        user.call(minute % 30).await;
        manual_clock.advance(Duration::from_secs(60));
        quiet.push(user.metrics().window(Window::Minute).requests());
    }
    assert!(quiet.iter().all(|requests| *requests <= 2), "{quiet:?}");
    for request in 0..1_000 {
        user.call(request % 100).await;
    }

    for (name, window) in [("minute", Window::Minute), ("hour", Window::Hour), ("day", Window::Day)] {
        println!("The last {name}: {}\n", user.metrics().window(window));
    }
    let (minute, day) = (user.metrics().window(Window::Minute), user.metrics().window(Window::Day));
    assert!(minute.requests() >= 1_000 && minute.requests() < 1_010);
    assert_eq!(day.requests(), 1_180);
    assert!(day.covers() < Duration::from_secs(24 * 60 * 60), "the cache is younger than a day");
    assert!(minute.per_second().requests > 10.0 * day.per_second().requests);
    assert!(minute.time_saved() > Duration::from_secs(5));
}
