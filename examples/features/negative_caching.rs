//! Problem: requests for something that doesn't exist all reach the source.
//! Solution: `cache_errors_for` caches the errors that a predicate selects (negative caching).

use std::time::Duration;

use cachescope::metrics::LoadOutcome;
use cachescope::{Clock, try_cached};

#[derive(Debug)]
enum Failed {
    NoSuchUser,
    Unreachable,
}

async fn query(id: u64) -> Result<String, Failed> {
    match id {
        1..100 => Ok(format!("user {id}")),
        100..200 => Err(Failed::NoSuchUser),
        _ => Err(Failed::Unreachable),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (clock, manual_clock) = Clock::manual();
    let user = try_cached("user.by_id", query)
        .cache_errors_for(Duration::from_secs(30), |error| matches!(error, Failed::NoSuchUser))
        .clock(clock)
        .build();

    for id in [7, 7, 123, 123, 123, 500, 500] {
        match user.try_call(id).await {
            Ok(name) => println!("{id}: {name}"),
            Err(error) => println!("{id}: {:?}", error.load_error()),
        }
    }
    let failed = |when: &str| {
        let loads = user.metrics().stats().loads(LoadOutcome::Failed);
        println!("{when}: {loads} failed loads");
        loads
    };
    assert_eq!(failed("after three requests for 123 and two for 500"), 3);
    manual_clock.advance(Duration::from_secs(30));
    assert!(user.try_call(123).await.is_err());
    assert_eq!(failed("half a minute later"), 4);
}
