//! Says that a type parameter is in scope, which a cache has none of.
use cachescope::cached;

#[derive(Clone)]
pub struct Stored<T>(T);

impl<T: Clone + Send + Sync + 'static> Stored<T> {
    #[cached]
    async fn by_id(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
