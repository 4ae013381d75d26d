//! The error says to use a named type.
use cachescope::cached;

#[cached]
async fn by_name(name: impl Into<String>) -> String {
    name.into()
}

fn main() {}
