//! The compiler names the value that isn't `Send`.
use cachescope::cached;

#[cached]
async fn by_id(id: u64) -> u64 {
    let shared = std::rc::Rc::new(id);
    std::future::ready(()).await;
    *shared
}

fn main() {}
