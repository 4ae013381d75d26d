//! What entries are called in a store that several processes use: the same in all of them.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::ConfigError;

/// Longer keys are called by their hash.
const READABLE: usize = 96;

/// The entries of one cache, in a store that may hold those of many: its namespace, its name, and the version of what
/// it holds.
///
/// A new version of a deployment that stores other values takes another version here, and then neither sees the
/// entries of the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    text: String,
}

impl Scope {
    /// The scope of the cache called `cache`.
    ///
    /// # Errors
    /// If a part is empty or all of them together are longer than 180 bytes: some stores take no longer names.
    pub fn new(namespace: &str, cache: &str, version: u32) -> Result<Self, ConfigError> {
        if namespace.is_empty() || cache.is_empty() {
            return Err(ConfigError::new("a shared store needs a namespace and a name to keep its entries apart by"));
        }
        let text = format!("{}:{}:{version}", escaped(namespace), escaped(cache));
        if text.len() > 180 {
            return Err(ConfigError::new(
                "the cache's name and its namespace are too long for a shared store: keep them under 180 bytes together",
            ));
        }
        Ok(Self { text })
    }

    /// As text: at most 180 bytes of letters, digits, `.`, `-`, `_`, `:` and `%`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key called `key`.
    ///
    /// It is the text that the key has as JSON where that is short and plain, otherwise the SHA-256 of it: the same in
    /// every process, version and architecture, and never that of another key.
    ///
    /// # Errors
    /// If the key can't be serialized: a map in it has keys that are no text.
    pub fn key(&self, key: &(impl Serialize + ?Sized)) -> Result<StoreKey, serde_json::Error> {
        Ok(self.key_of_json(&serde_json::to_string(key)?))
    }

    /// The key whose JSON is this.
    #[must_use]
    pub fn key_of_json(&self, json: &str) -> StoreKey {
        let plain = json.len() <= READABLE && json.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        // JSON never begins with a number sign. Braces have a meaning in the keys of a Redis cluster.
        let text = if plain { readable(json) } else { format!("#{}", hex(&Sha256::digest(json))) };
        StoreKey { scope: self.clone(), text }
    }
}

/// What one entry is called.
///
/// Its `Debug` doesn't tell the key, which may be personal.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StoreKey {
    scope: Scope,
    text: String,
}

impl StoreKey {
    /// The cache it is of.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The key within the cache: at most 288 bytes of printable ASCII without spaces and braces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scope and key in one.
    #[must_use]
    pub fn whole(&self) -> String {
        format!("{}:{}", self.scope.text, self.text)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreKey").field("scope", &self.scope.text).finish_non_exhaustive()
    }
}

fn escaped(part: &str) -> String {
    percent(part, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

fn readable(json: &str) -> String {
    percent(json, |byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'%'))
}

fn percent(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex(&[byte]));
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &(impl Serialize + ?Sized)) -> String {
        Scope::new("shop", "user.by_id", 1).unwrap().key(key).unwrap().as_str().to_owned()
    }

    /// Written down, since another process, perhaps of an older version, has to come to the same.
    #[test]
    fn keys_are_called_what_they_were_always_called() {
        #[derive(Serialize)]
        struct Page<'a> {
            user: u64,
            tab: &'a str,
        }
        assert_eq!(text(&7_u64), "7");
        assert_eq!(text("ada"), "\"ada\"");
        assert_eq!(text(&(1, "a b")), "[1,\"a%20b\"]");
        assert_eq!(text(&Page { user: 7, tab: "100%" }), "%7b\"user\":7,\"tab\":\"100%25\"%7d");
        assert_eq!(text("Ä"), "#2cad393478151f0b51e99168eae7f6e21a1863fc8f66dbcb8f1cc9c638353544");
        let whole = Scope::new("shop", "user.by_id", 3).unwrap().key(&7).unwrap().whole();
        assert_eq!(whole, "shop:user.by_id:3:7");
    }

    #[test]
    fn keys_of_two_caches_never_meet() {
        let one = Scope::new("a", "b:1", 2).unwrap();
        let two = Scope::new("a:b", "1", 2).unwrap();
        assert_ne!(one, two);
        assert!(Scope::new("", "b", 0).is_err() && Scope::new("a", &"b".repeat(181), 0).is_err());
    }

    #[test]
    fn a_key_is_short_plain_and_its_own() {
        let keys = ["", "a", "a ", "%20", " ", "{a}", "\n", &"x".repeat(94), &"x".repeat(95), &"x".repeat(10_000), "é"];
        let texts: std::collections::HashSet<String> = keys.iter().map(text).collect();
        assert_eq!(texts.len(), keys.len());
        for text in texts {
            assert!(text.len() <= 288 && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
            assert!(!text.contains(['{', '}']));
        }
    }

    #[test]
    fn a_key_stays_out_of_what_is_printed() {
        let key = Scope::new("shop", "user", 1).unwrap().key("secret@example.com").unwrap();
        assert!(!format!("{key:?}").contains("secret"));
    }
}
