//! Problem: the source fails, and requests fail with it.
//! Solution: `serve_stale_on_error` answers with the last value for a limited time (stale-if-error).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachescope::{Clock, try_cached};

static DOWN: AtomicBool = AtomicBool::new(false);

async fn rate(currency: &'static str) -> Result<f64, String> {
    if DOWN.load(Ordering::Relaxed) { Err(format!("no rate for {currency}: the bank is closed")) } else { Ok(11.4) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, manual_clock) = Clock::manual();
    let rates = try_cached("rate.by_currency", rate)
        .stale_after(Duration::from_secs(60))
        .serve_stale_on_error(Duration::from_secs(3600))
        .clock(clock)
        .build();

    println!("{:?}", rates.try_call("NOK").await);
    DOWN.store(true, Ordering::Relaxed);
    manual_clock.advance(Duration::from_secs(1800));
    assert_eq!(rates.try_call("NOK").await, Ok(11.4));
    println!("half an hour old, instead of an error");
    manual_clock.advance(Duration::from_secs(3600));
    let error = rates.try_call("NOK").await.expect_err("the value is too old");
    println!("{error}");
}
