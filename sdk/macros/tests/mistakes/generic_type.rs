//! The compiler rejects the type parameter, since a cache has none.
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
