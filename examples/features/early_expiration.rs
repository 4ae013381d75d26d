//! Processes that share a source and filled their caches at the same moment don't all load from it at the same moment.

use std::time::Duration;

use cachescope::{Cached, Clock, LoadTrigger, cached};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, hands) = Clock::manual();
    // A cache each, as twenty processes would have; a load takes a quarter of a second.
    let process = |_| -> Cached<u64, u64> {
        let hands = hands.clone();
        let load = move |day: u64| {
            hands.advance(SECOND / 4);
            async move { day * 24 }
        };
        let builder = cached("report.by_day", load).stale_after(60 * SECOND);
        // Forty times as long before its end, on average; 1 is usual, and would be too little to see here.
        builder.early_expiration(40.0).clock(clock.clone()).build()
    };
    let processes: Vec<_> = (0..20).map(process).collect();
    for process in &processes {
        process.call(7).await;
    }

    let mut renewed_at = Vec::new();
    for second in 5..55 {
        hands.advance(SECOND);
        for process in &processes {
            process.call(7).await;
            tokio::task::yield_now().await;
        }
        let renewals =
            |process: &Cached<u64, u64>| process.metrics().stats().load_duration_by(LoadTrigger::Refresh).count();
        let renewed: u64 = processes.iter().map(renewals).sum();
        renewed_at.resize(renewed as usize, second);
    }
    println!("the seconds at which one of 20 caches renewed its entry: {renewed_at:?}");
    let misses: u64 = processes.iter().map(|process| process.metrics().stats().misses()).sum();
    let (first, last) = (renewed_at.first().copied(), renewed_at.last().copied());
    assert!(first < last, "spread over time, not in one second");
    assert_eq!(misses, 20, "nobody waited for a second load");
}
