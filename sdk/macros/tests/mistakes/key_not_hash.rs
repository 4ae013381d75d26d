//! The error says to leave the argument out, or to compute a key.
use cachescope::cached;

#[cached]
async fn rounded(x: f64) -> u64 {
    x as u64
}

fn main() {}
