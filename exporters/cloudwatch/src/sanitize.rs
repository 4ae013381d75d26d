//! Names and values that CloudWatch accepts: printable ASCII, not blank, not too long, without a leading colon.

use std::borrow::Cow;

use crate::limits;

/// The replacement for a character that isn't allowed.
const REPLACEMENT: char = '_';

/// Returns `text` with every character that isn't printable ASCII, and a leading colon, replaced by an underscore, cut to
/// `longest`. Returns `None` if only blanks are left.
fn clean(text: &str, longest: usize) -> Option<Cow<'_, str>> {
    let good = |at: usize, c: char| (c == ' ' || c.is_ascii_graphic()) && !(at == 0 && c == ':');
    if text.chars().enumerate().all(|(at, c)| good(at, c)) && text.len() <= longest {
        return (!text.trim().is_empty()).then_some(Cow::Borrowed(text));
    }
    let replaced: String =
        text.chars().take(longest).enumerate().map(|(at, c)| if good(at, c) { c } else { REPLACEMENT }).collect();
    (!replaced.trim().is_empty()).then_some(Cow::Owned(replaced))
}

/// Returns the name of a metric. A name that is too long returns `None`: cut, it could equal another name.
pub(crate) fn metric_name(name: &str) -> Option<Cow<'_, str>> {
    (name.chars().count() <= limits::NAME).then(|| clean(name, limits::NAME)).flatten()
}

/// Returns the name of a dimension.
pub(crate) fn dimension_name(name: &str) -> Option<Cow<'_, str>> {
    metric_name(name)
}

/// Returns the value of a dimension. A long value is cut.
pub(crate) fn dimension_value(value: &str) -> Option<Cow<'_, str>> {
    clean(value, limits::DIMENSION_VALUE)
}

/// Returns whether `namespace` is valid for custom metrics.
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
    fn characters_that_are_not_allowed_become_underscores() {
        assert_eq!(dimension_value("user.by_id ok").as_deref(), Some("user.by_id ok"));
        assert_eq!(dimension_value("Größe\n\u{7f}").as_deref(), Some("Gr__e__"));
        assert_eq!(dimension_value(":a:b").as_deref(), Some("_a:b"));
        assert_eq!(dimension_value("  "), None);
        assert_eq!(dimension_value(""), None);
    }

    #[test]
    fn long_value_is_cut_and_long_name_is_none() {
        let long = "é".repeat(2_000);
        assert_eq!(dimension_value(&long).map(|value| value.len()), Some(1_024));
        assert_eq!(metric_name(&"n".repeat(255)).map(|name| name.len()), Some(255));
        assert_eq!(metric_name(&"n".repeat(256)), None);
    }

    #[test]
    fn namespace_is_valid_by_the_rules_of_cloudwatch() {
        for good in ["cachescope", "my team/api #2", &"n".repeat(255)] {
            assert!(is_namespace(good), "{good}");
        }
        for bad in ["", "  ", ":a", "AWS/EC2", "größe", "a\n", "a%", &"n".repeat(256)] {
            assert!(!is_namespace(bad), "{bad}");
        }
    }
}
