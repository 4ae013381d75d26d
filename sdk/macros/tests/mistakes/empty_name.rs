//! The error shows a name.
use cachescope::cached;

#[cached(name = "")]
async fn by_id(id: u64) -> u64 {
    id
}

fn main() {}
