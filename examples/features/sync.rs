//! Problem: the expensive function is blocking, and threads call it.
//! Solution: `sync::cached` wraps a blocking function; threads that call it at the same time share one load.

use std::thread;
use std::time::Duration;

use cachescope::sync;

fn main() {
    let digits = sync::cached("digits.of_factorial", |n: u64| {
        thread::sleep(Duration::from_millis(20)); // imagine an expensive computation here
        (1..=n).map(|k| (k as f64).log10()).sum::<f64>() as u64 + 1
    })
    .stale_after(Duration::from_secs(60))
    .build();

    let threads: Vec<_> = (0..8)
        .map(|_| {
            let digits = digits.clone();
            thread::spawn(move || digits.call(1_000))
        })
        .collect();
    let answers: Vec<u64> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(answers, [2_568; 8]);

    let stats = digits.metrics().stats();
    println!("1000! has {} digits; 8 threads called it, {} loaded", answers[0], stats.misses());
    assert_eq!((stats.requests(), stats.misses()), (8, 1));
    assert_eq!(digits.request(1_000).only_if_cached().get(), Some(2_568));
}
