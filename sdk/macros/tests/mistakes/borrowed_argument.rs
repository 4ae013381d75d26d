//! The error says to take an owned type.
use cachescope::cached;

#[cached]
async fn by_name(name: Option<&str>) -> usize {
    name.map_or(0, str::len)
}

fn main() {}
