//! The names of entries in a shared store. They are the same in all processes.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::ConfigError;

/// The maximum length in bytes of a key's JSON. Longer keys are named by their hash.
const MAX_PLAIN_LENGTH: usize = 96;

/// The scope of one cache in a shared store, which may contain many: the namespace, the name of the cache, and the
/// version of the values.
///
/// If a new deployment stores other values, give it another version. Then old and new processes don't see each other's
/// entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    text: String,
}

impl Scope {
    /// Creates the scope of the cache named `cache`.
    ///
    /// # Errors
    /// If a part is empty, or if all parts together are longer than 180 bytes: some stores allow no longer names.
    pub fn new(namespace: &str, cache: &str, version: u32) -> Result<Self, ConfigError> {
        if namespace.is_empty() || cache.is_empty() {
            return Err(ConfigError::new("namespace and cache name of a shared store must not be empty"));
        }
        let text = format!("{}:{}:{version}", escape_name(namespace), escape_name(cache));
        if text.len() > 180 {
            return Err(ConfigError::new(format!(
                "namespace and cache name of a shared store must be at most 180 bytes together, got {}: shorten them",
                text.len()
            )));
        }
        Ok(Self { text })
    }

    /// Returns the scope as text: at most 180 bytes of letters, digits, `.`, `-`, `_`, `:` and `%`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the store key of `key`.
    ///
    /// The name is the key's JSON if that is short and plain ASCII, otherwise the SHA-256 of the JSON. The name is the
    /// same in every process, version and architecture, and two keys never have the same name.
    ///
    /// # Errors
    /// If the key can't be serialized, for example because it contains a map whose keys aren't strings.
    pub fn key(&self, key: &(impl Serialize + ?Sized)) -> Result<StoreKey, serde_json::Error> {
        Ok(self.key_from_json(&serde_json::to_string(key)?))
    }

    /// Returns the store key of a key that is already JSON.
    #[must_use]
    pub fn key_from_json(&self, json: &str) -> StoreKey {
        let plain = json.len() <= MAX_PLAIN_LENGTH && json.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        // JSON never begins with a number sign. Braces have a meaning in the keys of a Redis cluster.
        let text = if plain { escape_json(json) } else { format!("#{}", hex(&Sha256::digest(json))) };
        StoreKey { scope: self.clone(), text }
    }
}

/// The name of one entry.
///
/// Its `Debug` output doesn't contain the key, which may be personal data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StoreKey {
    scope: Scope,
    text: String,
}

impl StoreKey {
    /// Returns the scope of the entry's cache.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the name within the scope: at most 288 bytes of printable ASCII without spaces and braces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the scope and the name within it as one text.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.scope.text, self.text)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreKey").field("scope", &self.scope.text).finish_non_exhaustive()
    }
}

fn escape_name(part: &str) -> String {
    percent_encode(part, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

fn escape_json(json: &str) -> String {
    percent_encode(json, |byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'%'))
}

fn percent_encode(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
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

    /// The names are fixed, because other processes, perhaps of an older version, must get the same.
    #[test]
    fn key_names_never_change() {
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
        let whole = Scope::new("shop", "user.by_id", 3).unwrap().key(&7).unwrap().full_name();
        assert_eq!(whole, "shop:user.by_id:3:7");
    }

    #[test]
    fn scopes_of_two_caches_differ() {
        let one = Scope::new("a", "b:1", 2).unwrap();
        let two = Scope::new("a:b", "1", 2).unwrap();
        assert_ne!(one, two);
        assert!(Scope::new("", "b", 0).is_err() && Scope::new("a", &"b".repeat(181), 0).is_err());
    }

    #[test]
    fn key_names_are_short_plain_and_unique() {
        let keys = ["", "a", "a ", "%20", " ", "{a}", "\n", &"x".repeat(94), &"x".repeat(95), &"x".repeat(10_000), "é"];
        let texts: std::collections::HashSet<String> = keys.iter().map(text).collect();
        assert_eq!(texts.len(), keys.len());
        for text in texts {
            assert!(text.len() <= 288 && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
            assert!(!text.contains(['{', '}']));
        }
    }

    #[test]
    fn debug_output_does_not_contain_the_key() {
        let key = Scope::new("shop", "user", 1).unwrap().key("secret@example.com").unwrap();
        assert!(!format!("{key:?}").contains("secret"));
    }
}
