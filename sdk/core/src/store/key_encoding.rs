//! The encoding of keys for shared stores.

/// The encoding of keys, or of their borrowed form, for shared stores.
pub trait KeyEncoding<Q: ?Sized> {
    /// Returns the key as JSON, or `None` if keys have no encoding or `key` can't be serialized.
    fn json(key: &Q) -> Option<String>;
}

/// The encoding of a store without a shared store: keys have none.
#[derive(Debug)]
pub enum NoKeys {}

impl<Q: ?Sized> KeyEncoding<Q> for NoKeys {
    fn json(_: &Q) -> Option<String> {
        None
    }
}

/// The encoding of a store with a shared store: JSON by serde. A key and its borrowed form must serialize to the same
/// text.
#[cfg(feature = "shared")]
#[derive(Debug)]
pub enum JsonKeys {}

#[cfg(feature = "shared")]
impl<Q: serde::Serialize + ?Sized> KeyEncoding<Q> for JsonKeys {
    fn json(key: &Q) -> Option<String> {
        serde_json::to_string(key).ok()
    }
}
