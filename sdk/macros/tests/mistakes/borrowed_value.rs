//! The error says to return an owned type.
use cachescope::cached;

#[cached]
async fn trimmed(text: &str) -> &str {
    text.trim()
}

fn main() {}
