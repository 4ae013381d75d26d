//! The error says that a hit doesn't run the function.
use cachescope::cached;

#[cached]
async fn fill(buffer: &mut Vec<u8>) -> usize {
    buffer.len()
}

fn main() {}
