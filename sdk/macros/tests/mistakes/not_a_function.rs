//! Says where it stands.
use cachescope::cached;

#[cached]
pub struct User;

fn main() {}
