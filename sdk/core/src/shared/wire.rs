//! Values as a shared store keeps them: encoded, perhaps compressed and encrypted, in an envelope.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::codec::Codec;
use super::envelope::Envelope;
use super::error::StoreError;
use super::key::StoreKey;
use crate::clock::nanos;
use crate::outcome::StoreErrorKind;

/// More than a value may have decompressed: 1 GiB. What claims more is refused before it takes the room.
#[cfg(feature = "zstd")]
const LARGEST: u32 = 1 << 30;

/// Encrypts what is stored, with keys of the user's.
///
/// `associated` is what the bytes belong to (the entry's name): authenticated ciphers bind them to it.
pub trait Cipher: Send + Sync + 'static {
    /// The encrypted bytes.
    ///
    /// # Errors
    /// If they can't be encrypted: the value then isn't stored.
    fn encrypt(&self, plain: Vec<u8>, associated: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

    /// The bytes that were encrypted.
    ///
    /// # Errors
    /// If these aren't bytes it encrypted, or not for `associated`.
    fn decrypt(&self, sealed: &[u8], associated: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

/// A value that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue<V> {
    /// What a load returned.
    pub value: V,
    /// When it was stored, by the clock of the machine that did.
    pub stored_at: SystemTime,
    /// Until when it is fresh; `None` if it doesn't expire.
    pub fresh_until: Option<SystemTime>,
    /// What its load took.
    pub cost: Duration,
}

/// Bytes that aren't those of a value: damaged, foreign, or of another version, codec or type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// Turns values into what is stored, and back.
pub struct Wire<V> {
    pub(super) codec: Box<dyn Codec<V>>,
    pub(super) schema: u64,
    /// In bytes; larger payloads are compressed.
    #[cfg(feature = "zstd")]
    pub(super) compress_above: Option<usize>,
    pub(super) cipher: Option<Arc<dyn Cipher>>,
}

impl<V: 'static> Wire<V> {
    /// What is stored for `key`.
    ///
    /// # Errors
    /// If the value can't be encoded or encrypted, or is larger than 4 GiB.
    pub fn encode(&self, key: &StoreKey, stored: &StoredValue<V>) -> Result<Vec<u8>, StoreError> {
        let failed = |error| StoreError::new(StoreErrorKind::Unencodable, error);
        let plain = caught(|| self.codec.encode(&stored.value)).map_err(failed)?;
        let plain_length = u32::try_from(plain.len()).map_err(|error| failed(error.into()))?;
        let (payload, compressed) = self.compressed(plain);
        let payload = match &self.cipher {
            Some(cipher) => caught(|| cipher.encrypt(payload, key.whole().as_bytes())).map_err(failed)?,
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

    /// The value that is stored for `key`.
    ///
    /// # Errors
    /// If these aren't bytes that a cache of this name, codec and type stored for this key. Never panics, and never
    /// gives another value than the one that was stored, but for one in four billion changes that are made at random.
    pub fn decode(&self, key: &StoreKey, bytes: &[u8]) -> Result<StoredValue<V>, Corrupt> {
        let (envelope, payload) = Envelope::open(key, bytes).ok_or(Corrupt)?;
        let of_this_kind = envelope.codec == self.codec.id() && envelope.schema == self.schema;
        if !of_this_kind || envelope.encrypted != self.cipher.is_some() {
            return Err(Corrupt);
        }
        let decrypted = match &self.cipher {
            Some(cipher) => Some(caught(|| cipher.decrypt(payload, key.whole().as_bytes())).map_err(|_| Corrupt)?),
            None => None,
        };
        let payload = decrypted.as_deref().unwrap_or(payload);
        let decompressed = if envelope.compressed { Some(decompressed(payload, envelope.plain_length)?) } else { None };
        let plain = decompressed.as_deref().unwrap_or(payload);
        Ok(StoredValue {
            value: caught(|| self.codec.decode(plain)).map_err(|_| Corrupt)?,
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
    #[expect(clippy::unused_self, reason = "with zstd it looks at the limit")]
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

/// Compressed by a process that could; this one can't read it, and stores it anew.
#[cfg(not(feature = "zstd"))]
fn decompressed(_: &[u8], _: u32) -> Result<Vec<u8>, Corrupt> {
    Err(Corrupt)
}

impl<V: 'static> fmt::Debug for Wire<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("codec", &self.codec.id()).field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The number that stands for a type in an envelope.
pub(super) fn schema(name: &str) -> u64 {
    let digest = Sha256::digest(name);
    u64::from_le_bytes(std::array::from_fn(|index| digest[index]))
}

/// What `work`, which is the user's, gives; its panic is an error.
fn caught<T>(
    work: impl FnOnce() -> Result<T, Box<dyn Error + Send + Sync>>,
) -> Result<T, Box<dyn Error + Send + Sync>> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("it panicked".into()))
}

/// In nanoseconds; what is before 1970 is 1970, what is after 2554 doesn't expire.
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
    fn a_value_comes_back_with_all_that_was_told_of_it() {
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
    fn what_is_of_another_type_or_codec_is_corrupt() {
        let bytes = wire::<u64>(Postcard).encode(&key(), &stored(7)).unwrap();
        let other_type = Wire { schema: schema("other"), ..wire::<u64>(Postcard) };
        assert_eq!(other_type.decode(&key(), &bytes), Err(Corrupt));
        assert_eq!(wire::<u64>(crate::shared::Json).decode(&key(), &bytes), Err(Corrupt));
        assert_eq!(wire::<u64>(Postcard).decode(&key(), &bytes).unwrap().value, 7);
    }

    #[test]
    fn a_codec_that_panics_has_failed() {
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
