//! The error says to name the argument.
use cachescope::cached;

#[cached]
async fn sum((a, b): (u64, u64)) -> u64 {
    a + b
}

fn main() {}
