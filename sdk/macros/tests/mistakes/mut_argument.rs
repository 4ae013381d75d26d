//! Says: a hit doesn't run it.
use cachescope::cached;

#[cached]
async fn fill(buffer: &mut Vec<u8>) -> usize {
    buffer.len()
}

fn main() {}
