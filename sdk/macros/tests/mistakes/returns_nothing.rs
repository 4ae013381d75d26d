//! Says: there is nothing to cache.
use cachescope::cached;

#[cached]
async fn log(_text: String) {}

fn main() {}
