//! A promise that wasn't kept.

use std::error::Error;
use std::fmt::{self, Debug, Write};

/// A promise that a store didn't keep: what was promised, and what was seen.
///
/// It tells keys and values, which are the contract's own, and all that the store's error says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    case: &'static str,
    promised: String,
    seen: String,
}

impl Broken {
    /// The name of the case that found it.
    #[must_use]
    pub const fn case(&self) -> &'static str {
        self.case
    }

    /// What was promised.
    #[must_use]
    pub fn promised(&self) -> &str {
        &self.promised
    }

    /// What was seen instead.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.seen
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: promised was {}, seen was {}", self.case, self.promised, self.seen)
    }
}

impl Error for Broken {}

/// What a case ends with where a promise isn't kept; its caller knows which case it is.
pub(super) struct Seen {
    promised: String,
    seen: String,
}

impl Seen {
    pub(super) fn new(promised: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { promised: promised.into(), seen: seen.into() }
    }

    pub(super) fn in_case(self, case: &'static str) -> Broken {
        Broken { case, promised: self.promised, seen: self.seen }
    }
}

/// So that a case says `?` to whatever a store or a name's maker answers. It is no error itself.
impl<E: Error> From<E> for Seen {
    fn from(error: E) -> Self {
        let mut seen = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Writing to a text has no errors.
            let _ = write!(seen, ": {cause}");
            source = cause.source();
        }
        Self::new("an operation that succeeds", format!("the error \"{seen}\""))
    }
}

/// Holds `seen` to `promised`.
pub(super) fn same<T: Debug + PartialEq>(what: &str, seen: T, promised: T) -> Result<(), Seen> {
    if seen == promised {
        return Ok(());
    }
    Err(Seen::new(format!("{what}: {}", shown(&promised)), shown(&seen)))
}

/// Bytes that show as text where they are.
#[derive(PartialEq)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// As text, shortened: values may be of megabytes.
pub(super) fn shown(what: &impl Debug) -> String {
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.push_str(text);
            if self.0.len() > 200 { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut short = Short(String::new());
    if write!(short, "{what:?}").is_err() {
        short.0.push_str(" ...");
    }
    short.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{StoreError, StoreErrorKind};

    #[test]
    fn it_says_what_was_promised_and_what_was_seen() {
        assert!(same("a", 1, 1).is_ok());
        let broken = same("get of an absent key", Some(1), None).unwrap_err().in_case("absent_key");
        assert_eq!(broken.to_string(), "absent_key: promised was get of an absent key: None, seen was Some(1)");
        assert_eq!((broken.case(), broken.seen()), ("absent_key", "Some(1)"));
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_a_large_value_in_short() {
        let seen = Seen::from(StoreError::new(StoreErrorKind::Full, "quota of 7 used up"));
        assert!(seen.seen.contains("no room: quota of 7 used up"), "{}", seen.seen);
        let seen = same("large", vec![7; 1 << 20], vec![]).unwrap_err();
        assert!(seen.seen.len() < 300 && seen.seen.starts_with("[7, 7"));
        assert_eq!(shown(&Some(Bytes(b"a\xff"))), "Some(\"a\\xff\")");
    }
}
