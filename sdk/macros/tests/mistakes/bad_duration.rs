//! The error explains the format of durations.
use cachescope::cached;

#[cached(stale_after = "60 parsecs")]
async fn by_id(id: u64) -> u64 {
    id
}

fn main() {}
