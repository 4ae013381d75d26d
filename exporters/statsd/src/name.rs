//! Names and values without what would end them.

/// What ends a name, a tag or a line in any dialect, and `;`, with which Graphite's tags begin.
const ENDS: [char; 6] = [':', '|', '@', '#', ',', ';'];

/// Of an instrument. Its dots make levels.
pub(crate) fn name(text: &str) -> String {
    clean(text, &[])
}

/// The key of a tag: the original server writes `=` behind it.
pub(crate) fn key(text: &str) -> String {
    clean(text, &['='])
}

/// The value of a tag.
pub(crate) fn value(text: &str) -> String {
    clean(text, &[])
}

/// One level of a plain name.
pub(crate) fn level(text: &str) -> String {
    clean(text, &['.', '/', '='])
}

/// Whether a prefix can be sent as it is.
pub(crate) fn is_clean(text: &str) -> bool {
    text.is_empty() || clean(text, &[]) == text
}

/// Nothing at all isn't a name either: some servers refuse such a line.
fn clean(text: &str, others: &[char]) -> String {
    let ends = |c: char| ENDS.contains(&c) || others.contains(&c) || c.is_whitespace() || c.is_control();
    if text.is_empty() { "_".to_owned() } else { text.replace(ends, "_") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_ends_a_line_or_tag_is_left() {
        assert_eq!(name("cachescope.requests"), "cachescope.requests");
        assert_eq!(name("a:b|c@d#e,f;g h\ni\u{85}j"), "a_b_c_d_e_f_g_h_i_j");
        assert_eq!(key("k=v"), "k_v");
        assert_eq!(value("GET /users?id=1"), "GET_/users?id=1");
        assert_eq!(level("eu-west-1.a/b"), "eu-west-1_a_b");
        assert_eq!(value(""), "_");
        assert!(is_clean("") && is_clean("my.app") && !is_clean("my app") && !is_clean("my:app"));
    }
}
