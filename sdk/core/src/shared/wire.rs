//! The stored form of values: encoded, optionally compressed and encrypted, in an envelope.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::codec::Codec;
use super::envelope::Envelope;
use super::error::StoreError;
use super::scope::StoreKey;
use crate::outcome::StoreErrorKind;
use crate::time::nanos;

/// The maximum decompressed size of a value: 1 GiB. A larger claimed size is rejected before memory is allocated.
#[cfg(feature = "zstd")]
const LARGEST: u32 = 1 << 30;

/// Encrypts stored values with your keys.
///
/// `associated` is the name of the entry. Authenticated ciphers bind the bytes to it, as associated data.
#[doc(alias = "encryption")]
pub trait Cipher: Send + Sync + 'static {
    /// Encrypts `plain`.
    ///
    /// # Errors
    /// If the bytes can't be encrypted. The value then isn't stored.
    fn encrypt(&self, plain: Vec<u8>, associated: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// Decrypts `sealed`.
    ///
    /// # Errors
    /// If this cipher didn't encrypt these bytes, or not for `associated`. The entry then counts as corrupt.
    fn decrypt(&self, sealed: &[u8], associated: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

/// A stored value with its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue<V> {
    /// The value that a load returned.
    pub value: V,
    /// The time at which it was stored, by the clock of the machine that stored it.
    pub stored_at: SystemTime,
    /// The time at which it expires, or `None` if it doesn't expire.
    pub fresh_until: Option<SystemTime>,
    /// The duration of its load.
    pub cost: Duration,
}

/// The error of bytes that aren't a stored value of this cache: damaged, foreign, or of another version, codec or type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Converts values to stored bytes, and back.
pub struct Wire<V> {
    pub(super) codec: Box<dyn Codec<V>>,
    pub(super) schema: u64,
    /// In bytes. Larger payloads are compressed.
    #[cfg(feature = "zstd")]
    pub(super) compress_above: Option<usize>,
    pub(super) cipher: Option<Arc<dyn Cipher>>,
}

impl<V: 'static> Wire<V> {
    /// Returns the bytes to store for `key`.
    ///
    /// # Errors
    /// If the value can't be encoded or encrypted, or is larger than 4 GiB. A panic of the codec or the cipher is an
    /// error.
    pub fn encode(&self, key: &StoreKey, stored: &StoredValue<V>) -> Result<Vec<u8>, StoreError> {
        let failed = |error| StoreError::new(StoreErrorKind::Unencodable, error);
        let plain = catch_panic(|| self.codec.encode(&stored.value)).map_err(failed)?;
        let plain_length = u32::try_from(plain.len()).map_err(|error| failed(error.into()))?;
        let (payload, compressed) = self.compressed(plain);
        let payload = match &self.cipher {
            Some(cipher) => catch_panic(|| cipher.encrypt(payload, key.full_name().as_bytes())).map_err(failed)?,
            None => payload,
        };
        let envelope = Envelope {
            codec: self.codec.id(),
            compressed,
            encrypted: self.cipher.is_some(),
            schema: self.schema,
            stored_at: since_1970(stored.stored_at),
            fresh_until: stored.fresh_until.map_or(u64::MAX, since_1970),
            cost: nanos(stored.cost),
            plain_length,
        };
        Ok(envelope.close(key, &payload))
    }

    /// Returns the value that is stored for `key` as `bytes`. Never panics.
    ///
    /// # Errors
    /// If a cache of this name, codec and type didn't store these bytes for this key. Random changes of the bytes are
    /// detected, except for one in four billion.
    pub fn decode(&self, key: &StoreKey, bytes: &[u8]) -> Result<StoredValue<V>, Corrupt> {
        let (envelope, payload) = Envelope::open(key, bytes).ok_or(Corrupt)?;
        let of_this_kind = envelope.codec == self.codec.id() && envelope.schema == self.schema;
        if !of_this_kind || envelope.encrypted != self.cipher.is_some() {
            return Err(Corrupt);
        }
        let decrypted = match &self.cipher {
            Some(cipher) => {
                Some(catch_panic(|| cipher.decrypt(payload, key.full_name().as_bytes())).map_err(|_| Corrupt)?)
            }
            None => None,
        };
        let payload = decrypted.as_deref().unwrap_or(payload);
        let decompressed = if envelope.compressed { Some(decompressed(payload, envelope.plain_length)?) } else { None };
        let plain = decompressed.as_deref().unwrap_or(payload);
        Ok(StoredValue {
            value: catch_panic(|| self.codec.decode(plain)).map_err(|_| Corrupt)?,
            stored_at: at(envelope.stored_at),
            fresh_until: (envelope.fresh_until != u64::MAX).then(|| at(envelope.fresh_until)),
            cost: Duration::from_nanos(envelope.cost),
        })
    }

    #[cfg(feature = "zstd")]
    fn compressed(&self, plain: Vec<u8>) -> (Vec<u8>, bool) {
        if self.compress_above.is_none_or(|above| plain.len() <= above || plain.len() > LARGEST as usize) {
            return (plain, false);
        }
        match zstd::bulk::compress(&plain, zstd::DEFAULT_COMPRESSION_LEVEL) {
            Ok(smaller) if smaller.len() < plain.len() => (smaller, true),
            _ => (plain, false),
        }
    }

    #[cfg(not(feature = "zstd"))]
    #[expect(clippy::unused_self, reason = "with zstd the method reads the limit")]
    fn compressed(&self, plain: Vec<u8>) -> (Vec<u8>, bool) {
        (plain, false)
    }
}

#[cfg(feature = "zstd")]
fn decompressed(payload: &[u8], length: u32) -> Result<Vec<u8>, Corrupt> {
    let plain = Some(length).filter(|length| *length <= LARGEST).map(|length| length as usize);
    let plain = plain.and_then(|length| zstd::bulk::decompress(payload, length).ok());
    plain.filter(|plain| plain.len() == length as usize).ok_or(Corrupt)
}

/// The value was compressed by a process with the feature `zstd`. This process can't read it, and stores the value
/// again.
#[cfg(not(feature = "zstd"))]
fn decompressed(_: &[u8], _: u32) -> Result<Vec<u8>, Corrupt> {
    Err(Corrupt)
}

impl<V: 'static> fmt::Debug for Wire<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("codec", &self.codec.id()).field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Returns the number that identifies a type in an envelope.
pub(super) fn schema(name: &str) -> u64 {
    let digest = Sha256::digest(name);
    u64::from_le_bytes(std::array::from_fn(|index| digest[index]))
}

/// Runs the user's code `work`, and turns its panic into an error.
fn catch_panic<T>(
    work: impl FnOnce() -> Result<T, Box<dyn Error + Send + Sync>>,
) -> Result<T, Box<dyn Error + Send + Sync>> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the codec or the cipher panicked".into()))
}

/// Converts to nanoseconds since 1970. Earlier times become 1970; times after 2554 never expire.
fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, nanos)
}

fn at(since_1970: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(since_1970)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Postcard, Scope};

    struct Xor;

    impl Cipher for Xor {
        fn encrypt(&self, plain: Vec<u8>, _: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            Ok(plain.into_iter().map(|byte| byte ^ 0x55).collect())
        }

        fn decrypt(&self, sealed: &[u8], associated: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            self.encrypt(sealed.to_vec(), associated)
        }
    }

    fn wire<V>(codec: impl Codec<V> + 'static) -> Wire<V> {
        Wire {
            codec: Box::new(codec),
            schema: schema("test"),
            #[cfg(feature = "zstd")]
            compress_above: Some(100),
            cipher: None,
        }
    }

    fn stored<V>(value: V) -> StoredValue<V> {
        let stored_at = at(1_800_000_000_123_456_789);
        let fresh_until = Some(stored_at + Duration::from_secs(60));
        StoredValue { value, stored_at, fresh_until, cost: Duration::from_millis(7) }
    }

    fn key() -> StoreKey {
        Scope::new("n", "c", 1).unwrap().key(&1).unwrap()
    }

    #[test]
    fn value_is_decoded_with_its_metadata() {
        for text in ["short".to_owned(), "long ".repeat(1_000)] {
            let plain = wire::<String>(Postcard);
            let bytes = plain.encode(&key(), &stored(text.clone())).unwrap();
            assert_eq!(plain.decode(&key(), &bytes).unwrap(), stored(text.clone()));
            #[cfg(feature = "zstd")]
            assert_eq!(bytes.len() < text.len(), text.len() > 100);

            let encrypted = Wire { cipher: Some(Arc::new(Xor)), ..wire::<String>(Postcard) };
            let bytes = encrypted.encode(&key(), &stored(text.clone())).unwrap();
            assert!(!bytes.windows(5).any(|window| window == b"short" || window == b"long "));
            assert_eq!(encrypted.decode(&key(), &bytes).unwrap(), stored(text));
            assert_eq!(plain.decode(&key(), &bytes), Err(Corrupt));
        }
    }

    #[test]
    fn value_of_another_type_or_codec_is_corrupt() {
        let bytes = wire::<u64>(Postcard).encode(&key(), &stored(7)).unwrap();
        let other_type = Wire { schema: schema("other"), ..wire::<u64>(Postcard) };
        assert_eq!(other_type.decode(&key(), &bytes), Err(Corrupt));
        assert_eq!(wire::<u64>(crate::shared::Json).decode(&key(), &bytes), Err(Corrupt));
        assert_eq!(wire::<u64>(Postcard).decode(&key(), &bytes).unwrap().value, 7);
    }

    #[test]
    fn panicking_codec_is_an_error() {
        struct Panics;
        impl Codec<u64> for Panics {
            fn id(&self) -> u8 {
                64
            }
            fn encode(&self, value: &u64) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
                assert_ne!(*value, 13);
                Ok(vec![])
            }
            fn decode(&self, _: &[u8]) -> Result<u64, Box<dyn Error + Send + Sync>> {
                panic!("on purpose")
            }
        }
        let wire = wire::<u64>(Panics);
        let error = wire.encode(&key(), &stored(13)).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unencodable);
        let bytes = wire.encode(&key(), &stored(1)).unwrap();
        assert_eq!(wire.decode(&key(), &bytes), Err(Corrupt));
    }
}
