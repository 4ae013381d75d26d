//! The encoding of values as bytes.

use std::error::Error;

/// Encodes values of type `V` as bytes, and decodes them.
///
/// The bytes were checked before `decode` is called: `encode` returned them, for this type and this key. So `decode`
/// gets foreign bytes only in an attack. It must not panic; a panic counts as an error.
#[doc(alias = "serializer")]
#[doc(alias = "serialization")]
pub trait Codec<V>: Send + Sync {
    /// Returns the id of the codec. Bytes of another codec aren't decoded. Ids below 64 belong to cachescope; use 64 to
    /// 255 for your own codecs.
    fn id(&self) -> u8;

    /// Encodes `value`.
    ///
    /// # Errors
    /// If the value can't be encoded. The cache then returns the value, but doesn't store it.
    fn encode(&self, value: &V) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// Decodes `bytes`.
    ///
    /// # Errors
    /// If the bytes aren't an encoded value.
    fn decode(&self, bytes: &[u8]) -> Result<V, Box<dyn Error + Send + Sync>>;
}

mod serial {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::{Codec, Error};

    /// The postcard format: compact and fast. Fields are encoded by position, so a type with more, fewer or reordered
    /// fields is another type. Give the cache a new version when the type of its values changes.
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
                _ => Err("the value is followed by more bytes".into()),
            }
        }
    }

    /// JSON: larger and slower, readable by people and by other languages. Fields are encoded by name.
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

    /// MessagePack: compact, and readable by other languages. Fields are encoded by name.
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

    fn assert_round_trip(codec: &impl Codec<(u64, Vec<Option<String>>)>) {
        let value = (7, vec![None, Some("ä".to_owned())]);
        let bytes = codec.encode(&value).unwrap();
        assert_eq!(codec.decode(&bytes).unwrap(), value);
        assert!(codec.decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn codecs_decode_their_values_and_reject_cut_bytes() {
        assert_round_trip(&Postcard);
        assert_round_trip(&Json);
        #[cfg(feature = "messagepack")]
        assert_round_trip(&MessagePack);
    }

    #[test]
    fn postcard_rejects_trailing_bytes() {
        assert!(Codec::<u8>::decode(&Postcard, &[7, 7]).is_err());
    }
}
