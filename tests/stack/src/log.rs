//! The end of a log file, for errors.

use std::fs;
use std::path::Path;

/// How many lines an error shows: enough for a Go panic's first frames, not so many that the cause scrolls away.
const LINES: usize = 30;

/// The last lines of the file at `path`, headed by its name; says so when it cannot be read.
pub(crate) fn tail(path: &Path) -> String {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(unreadable: {error})"),
    };
    let lines: Vec<&str> = text.lines().collect();
    let kept = &lines[lines.len().saturating_sub(LINES)..];
    format!("--- last lines of {}\n{}", path.display(), kept.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}.")).collect();
        fs::write(file.path(), lines.join("\n")).unwrap();
        let tail = tail(file.path());
        assert!(tail.ends_with("line 99."));
        assert!(tail.contains("line 70.") && !tail.contains("line 69."));
    }
}
