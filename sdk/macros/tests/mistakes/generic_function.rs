//! The error says to cache one function for each type.
use cachescope::cached;

#[cached]
async fn same<T: Clone>(id: T) -> T {
    id
}

fn main() {}
