//! Says: write `Result<T, E>` out.
use cachescope::cached;

#[cached]
async fn text(path: String) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

fn main() {}
