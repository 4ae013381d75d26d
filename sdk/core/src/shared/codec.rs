//! How values become bytes, and bytes values.

use std::error::Error;

/// Turns values of type `V` into bytes and back.
///
/// Bytes are checked before they come here (they are what `encode` gave, for this type and this key), so `decode` sees
/// foreign ones only where somebody means harm; it must not panic, and one that does counts as an error.
pub trait Codec<V>: Send + Sync {
    /// Which codec it is: bytes of another one aren't decoded. Below 64 are cachescope's; yours begin at 64.
    fn id(&self) -> u8;

    /// The bytes of `value`.
    ///
    /// # Errors
    /// If the value has none: it reaches its caller, and isn't stored.
    fn encode(&self, value: &V) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// The value of `bytes`.
    ///
    /// # Errors
    /// If they aren't those of a value.
    fn decode(&self, bytes: &[u8]) -> Result<V, Box<dyn Error + Send + Sync>>;
}

mod serial {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::{Codec, Error};

    /// postcard: compact, fast, and by position: another order or number of fields is another type, so give the cache
    /// a new version when its values change.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Postcard;

    impl<V: Serialize + DeserializeOwned> Codec<V> for Postcard {
        fn id(&self) -> u8 {
            1
        }

        fn encode(&self, value: &V) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            Ok(postcard::to_allocvec(value)?)
        }

        fn decode(&self, bytes: &[u8]) -> Result<V, Box<dyn Error + Send + Sync>> {
            match postcard::take_from_bytes(bytes)? {
                (value, []) => Ok(value),
                _ => Err("bytes are left over".into()),
            }
        }
    }

    /// JSON: larger and slower, readable by people and other languages, and by name.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Json;

    impl<V: Serialize + DeserializeOwned> Codec<V> for Json {
        fn id(&self) -> u8 {
            2
        }

        fn encode(&self, value: &V) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            Ok(serde_json::to_vec(value)?)
        }

        fn decode(&self, bytes: &[u8]) -> Result<V, Box<dyn Error + Send + Sync>> {
            Ok(serde_json::from_slice(bytes)?)
        }
    }

    /// MessagePack: compact, readable by other languages, and by name.
    #[cfg(feature = "messagepack")]
    #[derive(Clone, Copy, Debug, Default)]
    pub struct MessagePack;

    #[cfg(feature = "messagepack")]
    impl<V: Serialize + DeserializeOwned> Codec<V> for MessagePack {
        fn id(&self) -> u8 {
            3
        }

        fn encode(&self, value: &V) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            Ok(rmp_serde::to_vec_named(value)?)
        }

        fn decode(&self, bytes: &[u8]) -> Result<V, Box<dyn Error + Send + Sync>> {
            Ok(rmp_serde::from_slice(bytes)?)
        }
    }
}

#[cfg(feature = "messagepack")]
pub use self::serial::MessagePack;
pub use self::serial::{Json, Postcard};

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back(codec: &impl Codec<(u64, Vec<Option<String>>)>) {
        let value = (7, vec![None, Some("ä".to_owned())]);
        let bytes = codec.encode(&value).unwrap();
        assert_eq!(codec.decode(&bytes).unwrap(), value);
        assert!(codec.decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn values_come_back_and_halves_do_not() {
        comes_back(&Postcard);
        comes_back(&Json);
        #[cfg(feature = "messagepack")]
        comes_back(&MessagePack);
    }

    #[test]
    fn postcard_leaves_no_byte_over() {
        assert!(Codec::<u8>::decode(&Postcard, &[7, 7]).is_err());
    }
}
