//! What a trace asks for.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A key, with what an entry of it weighs.
///
/// Keys are equal by their number, which of a text is its hash: of a billion texts two share one, once in forty traces.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    number: u64,
    /// Bytes, up to 4 GiB as stores count them. Zero where the trace has no sizes.
    pub(crate) size: u32,
    text: Option<Arc<str>>,
}

impl Key {
    pub(crate) const fn of_number(number: u64) -> Self {
        Self { number, size: 0, text: None }
    }

    /// A number, if it is written as one, so that a trace of numbers costs no text a request.
    pub(crate) fn of_text(text: &str) -> Self {
        let is_plain = text == "0" || text.starts_with(|first: char| ('1'..='9').contains(&first));
        if let (true, Ok(number)) = (is_plain, text.parse()) {
            return Self::of_number(number);
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { number: hasher.finish(), size: 0, text: Some(text.into()) }
    }

    /// The key so much further on.
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
