//! Text without what a terminal would obey.

/// Names and values come from anywhere; a line break or an escape sequence in one is shown, not done.
pub(crate) fn clean(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_all_else_stays() {
        assert_eq!(clean("größe \u{1b}[31m\n"), "größe \\u{1b}[31m\\n");
        assert_eq!(clean("cache.get users"), "cache.get users");
    }
}
