//! Says: a function for each type.
use cachescope::cached;

#[cached]
async fn same<T: Clone>(id: T) -> T {
    id
}

fn main() {}
