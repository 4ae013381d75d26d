//! The compiler says that a blocking function isn't awaited.
use cachescope::cached;

#[cached]
fn by_id(id: u64) -> u64 {
    id
}

#[tokio::main]
async fn main() {
    by_id(7).await;
}
