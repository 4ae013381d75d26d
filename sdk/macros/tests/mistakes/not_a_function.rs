//! The error says that the attribute must be on a function.
use cachescope::cached;

#[cached]
pub struct User;

fn main() {}
