//! The error says to write the type's name.
use cachescope::cached;

#[derive(Clone)]
pub struct User;

impl User {
    #[cached]
    async fn by_id(_id: u64) -> Self {
        User
    }
}

fn main() {}
