//! The error says to remove `skip`.
use cachescope::cached;

#[cached(key = id, skip(trace))]
async fn by_id(id: u64, trace: u64) -> u64 {
    id + trace
}

fn main() {}
