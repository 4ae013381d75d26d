//! The error says to set the store only once.
use cachescope::cached;

#[cached(capacity = 10, store = cachescope::Moka::with_capacity(20))]
async fn by_id(id: u64) -> u64 {
    id
}

fn main() {}
