//! The error says to return `Result<_, Arc<E>>`.
use cachescope::cached;

#[cached]
async fn text(path: String) -> Result<String, std::io::Error> {
    std::fs::read_to_string(path)
}

fn main() {}
