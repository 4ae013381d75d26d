//! Names and values as CloudWatch takes them: printable ASCII, not blank, not too long, no colon in front.

use std::borrow::Cow;

use crate::limits;

/// What stands for a character that can't be said.
const INSTEAD: char = '_';

/// `text` with an underscore for every character that isn't printable ASCII, cut to `longest`. None if nothing but
/// blanks is left. A colon in front, which dimensions mayn't have, becomes an underscore as well.
fn clean(text: &str, longest: usize) -> Option<Cow<'_, str>> {
    let good = |at: usize, c: char| (c == ' ' || c.is_ascii_graphic()) && !(at == 0 && c == ':');
    if text.chars().enumerate().all(|(at, c)| good(at, c)) && text.len() <= longest {
        return (!text.trim().is_empty()).then_some(Cow::Borrowed(text));
    }
    let said: String =
        text.chars().take(longest).enumerate().map(|(at, c)| if good(at, c) { c } else { INSTEAD }).collect();
    (!said.trim().is_empty()).then_some(Cow::Owned(said))
}

/// A metric's name. One that is too long is none: cut off it could be another's.
pub(crate) fn metric_name(name: &str) -> Option<Cow<'_, str>> {
    (name.chars().count() <= limits::NAME).then(|| clean(name, limits::NAME)).flatten()
}

/// A dimension's name.
pub(crate) fn dimension_name(name: &str) -> Option<Cow<'_, str>> {
    metric_name(name)
}

/// A dimension's value; a long one is cut.
pub(crate) fn dimension_value(value: &str) -> Option<Cow<'_, str>> {
    clean(value, limits::DIMENSION_VALUE)
}

/// Whether custom metrics can be in `namespace`.
pub(crate) fn is_namespace(namespace: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#' | ' ' | ':');
    !namespace.trim().is_empty()
        && namespace.len() <= limits::NAME
        && namespace.chars().all(good)
        && !namespace.starts_with(':')
        && !namespace.starts_with("AWS/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said_stays_and_the_rest_is_an_underscore() {
        assert_eq!(dimension_value("user.by_id ok").as_deref(), Some("user.by_id ok"));
        assert_eq!(dimension_value("Größe\n\u{7f}").as_deref(), Some("Gr__e__"));
        assert_eq!(dimension_value(":a:b").as_deref(), Some("_a:b"));
        assert_eq!(dimension_value("  "), None);
        assert_eq!(dimension_value(""), None);
    }

    #[test]
    fn long_values_are_cut_and_long_names_are_none() {
        let long = "é".repeat(2_000);
        assert_eq!(dimension_value(&long).map(|value| value.len()), Some(1_024));
        assert_eq!(metric_name(&"n".repeat(255)).map(|name| name.len()), Some(255));
        assert_eq!(metric_name(&"n".repeat(256)), None);
    }

    #[test]
    fn namespaces_follow_the_rules() {
        for good in ["cachescope", "my team/api #2", &"n".repeat(255)] {
            assert!(is_namespace(good), "{good}");
        }
        for bad in ["", "  ", ":a", "AWS/EC2", "größe", "a\n", "a%", &"n".repeat(256)] {
            assert!(!is_namespace(bad), "{bad}");
        }
    }
}
