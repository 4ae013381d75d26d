//! The error says to take `&self`.
use cachescope::cached;

#[derive(Clone)]
pub struct Users;

impl Users {
    #[cached]
    async fn by_id(&mut self, id: u64) -> u64 {
        id
    }
}

fn main() {}
