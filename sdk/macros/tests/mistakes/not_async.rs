//! Says: async functions, as yet.
use cachescope::cached;

#[cached]
fn by_id(id: u64) -> u64 {
    id
}

fn main() {}
