//! The error says to write `Result<T, E>`.
use cachescope::cached;

#[cached]
async fn text(path: String) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn main() {}
