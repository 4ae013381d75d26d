//! Says that the builder has no such step, and which is similar.
use cachescope::cached;

#[cached(stale_aftr = "60s")]
async fn by_id(id: u64) -> u64 {
    id
}

fn main() {}
