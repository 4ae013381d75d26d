//! The error says to derive the missing traits, or to return an `Arc`.
use cachescope::cached;

pub struct User;

#[cached]
async fn by_id(_id: u64) -> User {
    User
}

fn main() {}
