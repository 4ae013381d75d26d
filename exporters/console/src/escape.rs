//! Escaping of control characters for terminals.

/// Escapes control characters. Names and values can come from anywhere: a line break or an escape sequence in them is
/// printed, and doesn't act on the terminal.
pub(crate) fn escape_control_chars(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_other_text_is_unchanged() {
        assert_eq!(escape_control_chars("größe \u{1b}[31m\n"), "größe \\u{1b}[31m\\n");
        assert_eq!(escape_control_chars("cache.get users"), "cache.get users");
    }
}
