//! The end of a log file, for errors.

use std::fs;
use std::path::Path;

/// The number of lines that an error shows: the first frames of a panic in Go fit, and the cause stays in sight.
const LINES: usize = 30;

/// The last lines of the file at `path` below its name, or the reason why it can't be read.
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
    fn tail_has_only_the_last_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}.")).collect();
        fs::write(file.path(), lines.join("\n")).unwrap();
        let tail = tail(file.path());
        assert!(tail.ends_with("line 99."));
        assert!(tail.contains("line 70.") && !tail.contains("line 69."));
    }
}
