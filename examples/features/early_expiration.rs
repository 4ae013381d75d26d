//! Problem: processes that filled their caches at the same moment all load again at the same moment.
//! Solution: `early_expiration` renews each entry at a random time before it expires, so the loads spread over time.

use std::time::Duration;

use cachescope::metrics::LoadTrigger;
use cachescope::{Cached, Clock, cached};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, manual_clock) = Clock::manual();
    // Twenty processes have a cache each. A load takes a quarter of a second.
    let process = |_| -> Cached<u64, u64> {
        let manual_clock = manual_clock.clone();
        let load = move |day: u64| {
            manual_clock.advance(SECOND / 4);
            async move { day * 24 }
        };
        let builder = cached("report.by_day", load).stale_after(60 * SECOND);
        // 40 renews entries 40 times as early as the usual 1, which would be too little to see here.
        builder.early_expiration(40.0).clock(clock.clone()).build()
    };
    let processes: Vec<_> = (0..20).map(process).collect();
    for process in &processes {
        process.call(7).await;
    }

    let mut renewed_at = Vec::new();
    for second in 5..55 {
        manual_clock.advance(SECOND);
        for process in &processes {
            process.call(7).await;
            tokio::task::yield_now().await;
        }
        let renewals =
            |process: &Cached<u64, u64>| process.metrics().stats().load_duration_by(LoadTrigger::Refresh).count();
        let renewed: u64 = processes.iter().map(renewals).sum();
        renewed_at.resize(renewed as usize, second);
    }
    println!("seconds at which one of the 20 caches renewed its entry: {renewed_at:?}");
    let misses: u64 = processes.iter().map(|process| process.metrics().stats().misses()).sum();
    let (first, last) = (renewed_at.first().copied(), renewed_at.last().copied());
    assert!(first < last, "renewals must spread over time");
    assert_eq!(misses, 20, "no request waited for a second load");
}
