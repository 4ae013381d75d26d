//! Says: return what owns.
use cachescope::cached;

#[cached]
async fn trimmed(text: &str) -> &str {
    text.trim()
}

fn main() {}
