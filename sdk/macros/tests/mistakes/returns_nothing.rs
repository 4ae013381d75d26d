//! The error says that the function must return a value.
use cachescope::cached;

#[cached]
async fn log(_text: String) {}

fn main() {}
