//! The error says that `self` is cloned on a miss.
use cachescope::cached;

pub struct Users;

impl Users {
    #[cached]
    async fn by_id(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
