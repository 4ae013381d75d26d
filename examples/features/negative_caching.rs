//! Some errors are worth remembering: what isn't there now isn't there a moment later.

use std::time::Duration;

use cachescope::{Clock, LoadOutcome, try_cached};

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
    let (clock, hands) = Clock::manual();
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
        println!("{when}, {loads} loads have failed");
        loads
    };
    assert_eq!(failed("with 123 asked for three times and 500 twice"), 3);
    hands.advance(Duration::from_secs(30));
    assert!(user.try_call(123).await.is_err());
    assert_eq!(failed("after half a minute"), 4);
}
