//! Names and values without the characters that would end them.

/// The characters that end a name, a tag or a line in any dialect, and `;`, which begins Graphite's tags.
const SEPARATORS: [char; 6] = [':', '|', '@', '#', ',', ';'];

/// Returns the name of an instrument. Its dots separate levels.
pub(crate) fn name(text: &str) -> String {
    clean(text, &[])
}

/// Returns the key of a tag, without `=`, which the original server writes after it.
pub(crate) fn key(text: &str) -> String {
    clean(text, &['='])
}

/// Returns the value of a tag.
pub(crate) fn value(text: &str) -> String {
    clean(text, &[])
}

/// Returns one level of a plain name.
pub(crate) fn level(text: &str) -> String {
    clean(text, &['.', '/', '='])
}

/// Returns whether a prefix can be sent unchanged.
pub(crate) fn is_clean(text: &str) -> bool {
    text.is_empty() || clean(text, &[]) == text
}

/// Replaces separators and `others` by `_`. An empty text becomes `_`, because some servers refuse an empty name.
fn clean(text: &str, others: &[char]) -> String {
    let ends = |c: char| SEPARATORS.contains(&c) || others.contains(&c) || c.is_whitespace() || c.is_control();
    if text.is_empty() { "_".to_owned() } else { text.replace(ends, "_") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_replaced() {
        assert_eq!(name("cachescope.requests"), "cachescope.requests");
        assert_eq!(name("a:b|c@d#e,f;g h\ni\u{85}j"), "a_b_c_d_e_f_g_h_i_j");
        assert_eq!(key("k=v"), "k_v");
        assert_eq!(value("GET /users?id=1"), "GET_/users?id=1");
        assert_eq!(level("eu-west-1.a/b"), "eu-west-1_a_b");
        assert_eq!(value(""), "_");
        assert!(is_clean("") && is_clean("my.app") && !is_clean("my app") && !is_clean("my:app"));
    }
}
