//! Says: a type with a name.
use cachescope::cached;

#[cached]
async fn by_name(name: impl Into<String>) -> String {
    name.into()
}

fn main() {}
