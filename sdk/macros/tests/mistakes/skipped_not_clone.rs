//! The error suggests an `Arc`.
use cachescope::cached;

pub struct Database;

#[cached(skip(_database))]
async fn by_id(_database: Database, id: u64) -> u64 {
    id
}

fn main() {}
