//! Says: leave it out, or make a key of it.
use cachescope::cached;

#[cached]
async fn rounded(x: f64) -> u64 {
    x as u64
}

fn main() {}
