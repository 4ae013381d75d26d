//! The error says that the capacity must be greater than zero.
use cachescope::cached;

#[cached(capacity = 0)]
async fn by_id(id: u64) -> u64 {
    id
}

fn main() {}
