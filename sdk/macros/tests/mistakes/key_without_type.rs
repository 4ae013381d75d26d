//! The error says to write `key: Type = …`.
use cachescope::cached;

#[cached(key = name.len())]
async fn by_length(name: String) -> String {
    name
}

fn main() {}
