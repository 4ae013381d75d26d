//! The keys of a trace.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A key, with the size of its entry.
///
/// Two keys are equal if their numbers are equal. The number of a text is its hash: among a billion texts two share a
/// hash in one of forty traces.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    number: u64,
    /// Bytes, at most 4 GiB, as stores count them. Zero if the trace has no sizes.
    pub(crate) size: u32,
    text: Option<Arc<str>>,
}

impl Key {
    pub(crate) const fn from_number(number: u64) -> Self {
        Self { number, size: 0, text: None }
    }

    /// Parses a number if `text` is one, so a trace of numbers allocates no text for each request.
    pub(crate) fn from_text(text: &str) -> Self {
        let is_plain = text == "0" || text.starts_with(|first: char| ('1'..='9').contains(&first));
        if let (true, Ok(number)) = (is_plain, text.parse()) {
            return Self::from_number(number);
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { number: hasher.finish(), size: 0, text: Some(text.into()) }
    }

    /// Returns the key that is `keys` further on.
    pub(crate) fn after(&self, keys: u64) -> Self {
        Self { number: self.number.wrapping_add(keys), ..self.clone() }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.number);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => self.number.fmt(f),
        }
    }
}
