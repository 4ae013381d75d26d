//! Violations of the contract.

use std::error::Error;
use std::fmt::{self, Debug, Write};

/// A violation of the contract: the expected result, and the actual one.
///
/// The text contains keys and values, which belong to the test, and the whole text of the store's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    case: &'static str,
    expected: String,
    actual: String,
}

impl Violation {
    /// Returns the name of the case that found the violation.
    #[must_use]
    pub const fn case(&self) -> &'static str {
        self.case
    }

    /// Returns the expected result.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns the actual result.
    #[must_use]
    pub fn actual(&self) -> &str {
        &self.actual
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.case, self.expected, self.actual)
    }
}

impl Error for Violation {}

/// The error of a case. Its caller adds the name of the case.
pub(super) struct Mismatch {
    expected: String,
    actual: String,
}

impl Mismatch {
    pub(super) fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into() }
    }

    pub(super) fn in_case(self, case: &'static str) -> Violation {
        Violation { case, expected: self.expected, actual: self.actual }
    }
}

/// Lets a case use `?` on any error of a store or a scope. `Mismatch` itself isn't an error.
impl<E: Error> From<E> for Mismatch {
    fn from(error: E) -> Self {
        let mut actual = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Writing to a string can't fail.
            let _ = write!(actual, ": {cause}");
            source = cause.source();
        }
        Self::new("an operation that succeeds", format!("the error \"{actual}\""))
    }
}

/// Returns a mismatch if `actual` differs from `expected`. `what` names the value.
pub(super) fn expect_eq<T: Debug + PartialEq>(what: &str, actual: T, expected: T) -> Result<(), Mismatch> {
    if actual == expected {
        return Ok(());
    }
    Err(Mismatch::new(format!("{what}: {}", short_debug(&expected)), short_debug(&actual)))
}

/// Bytes whose `Debug` output is text where possible.
#[derive(PartialEq)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Returns the `Debug` output, shortened, because values may have megabytes.
pub(super) fn short_debug(value: &impl Debug) -> String {
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.push_str(text);
            if self.0.len() > 200 { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut short = Short(String::new());
    if write!(short, "{value:?}").is_err() {
        short.0.push_str(" ...");
    }
    short.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::shared::{StoreError, StoreErrorKind};

    #[test]
    fn violation_shows_expected_and_actual_result() {
        assert!(expect_eq("a", 1, 1).is_ok());
        let violation = expect_eq("get of an absent key", Some(1), None).unwrap_err().in_case("absent_key");
        assert_eq!(violation.to_string(), "absent_key: expected get of an absent key: None, got Some(1)");
        assert_eq!((violation.case(), violation.actual()), ("absent_key", "Some(1)"));
    }

    #[test]
    fn mismatch_shows_causes_of_errors_and_shortens_values() {
        let mismatch = Mismatch::from(StoreError::new(StoreErrorKind::Full, "quota of 7 used up"));
        assert!(mismatch.actual.contains("no capacity left: quota of 7 used up"), "{}", mismatch.actual);
        let mismatch = expect_eq("large", vec![7; 1 << 20], vec![]).unwrap_err();
        assert!(mismatch.actual.len() < 300 && mismatch.actual.starts_with("[7, 7"));
        assert_eq!(short_debug(&Some(Bytes(b"a\xff"))), "Some(\"a\\xff\")");
    }
}
