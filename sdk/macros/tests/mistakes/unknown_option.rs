//! The compiler suggests a similar builder method.
use cachescope::cached;

#[cached(stale_aftr = "60s")]
async fn by_id(id: u64) -> u64 {
    id
}

fn main() {}
