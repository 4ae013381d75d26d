//! The envelope around the bytes of a stored value: its codec, its times and a checksum.
//!
//! | bytes | content |
//! |---|---|
//! | 0..4 | `CSE1` |
//! | 4 | codec |
//! | 5 | flags: 1 compressed, 2 encrypted |
//! | 6..8 | zero |
//! | 8..16 | schema |
//! | 16..24 | stored at, nanoseconds since 1970 |
//! | 24..32 | fresh until, nanoseconds since 1970; all ones: never expires |
//! | 32..40 | duration of the load, nanoseconds |
//! | 40..44 | length of the payload before compression |
//! | 44..48 | CRC-32 of the key, the bytes before this field, and the payload |
//! | 48.. | payload |
//!
//! Numbers are little-endian.

use super::scope::StoreKey;

const MAGIC: [u8; 4] = *b"CSE1";
const CHECKSUM_AT: usize = 44;
const LENGTH: usize = 48;

/// The metadata of a stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) codec: u8,
    pub(crate) compressed: bool,
    pub(crate) encrypted: bool,
    pub(crate) schema: u64,
    /// In nanoseconds since 1970.
    pub(crate) stored_at: u64,
    /// In nanoseconds since 1970; `u64::MAX` if the value doesn't expire.
    pub(crate) fresh_until: u64,
    /// In nanoseconds.
    pub(crate) cost: u64,
    /// The length of the payload before compression, in bytes.
    pub(crate) plain_length: u32,
}

impl Envelope {
    /// Returns the envelope with the payload for `key`.
    pub(crate) fn close(&self, key: &StoreKey, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH + payload.len());
        bytes.extend(MAGIC);
        bytes.extend([self.codec, u8::from(self.compressed) | u8::from(self.encrypted) << 1, 0, 0]);
        for number in [self.schema, self.stored_at, self.fresh_until, self.cost] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.plain_length.to_le_bytes());
        bytes.extend(checksum(key, &bytes, payload).to_le_bytes());
        bytes.extend(payload);
        bytes
    }

    /// Returns the envelope and its payload. Returns `None` if [`Envelope::close`] didn't return these bytes for this
    /// key. Random bytes pass the check with a probability of one in four billion.
    pub(crate) fn open<'a>(key: &StoreKey, bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, payload) = bytes.split_at_checked(LENGTH)?;
        let number = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let short = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let (checked, flags) = (&head[..CHECKSUM_AT], head[5]);
        if checked[..4] != MAGIC || flags > 3 || head[6..8] != [0, 0] {
            return None;
        }
        if short(CHECKSUM_AT)? != checksum(key, checked, payload) {
            return None;
        }
        let envelope = Self {
            codec: head[4],
            compressed: flags & 1 != 0,
            encrypted: flags & 2 != 0,
            schema: number(8)?,
            stored_at: number(16)?,
            fresh_until: number(24)?,
            cost: number(32)?,
            plain_length: short(40)?,
        };
        Some((envelope, payload))
    }
}

/// Includes the key, so that bytes stored under another key by mistake are detected.
fn checksum(key: &StoreKey, head: &[u8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in [key.scope().as_str().as_bytes(), b":", key.as_str().as_bytes(), b"\0", head, payload] {
        crc.update(part);
    }
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Scope;

    fn envelope() -> Envelope {
        Envelope {
            codec: 1,
            compressed: true,
            encrypted: false,
            schema: 0x0123_4567_89ab_cdef,
            stored_at: 1,
            fresh_until: u64::MAX,
            cost: 3,
            plain_length: 4,
        }
    }

    #[test]
    fn envelope_opens_only_for_its_own_key() {
        let scope = Scope::new("n", "c", 1).unwrap();
        let (one, two) = (scope.key(&1).unwrap(), scope.key(&2).unwrap());
        let bytes = envelope().close(&one, b"payload");
        assert_eq!(Envelope::open(&one, &bytes), Some((envelope(), &b"payload"[..])));
        assert_eq!(Envelope::open(&two, &bytes), None);
    }

    /// The format is fixed, because another version must be able to read it.
    #[test]
    fn envelope_format_never_changes() {
        let key = Scope::new("n", "c", 1).unwrap().key(&1).unwrap();
        let bytes = envelope().close(&key, b"p");
        assert_eq!(&bytes[..8], b"CSE1\x01\x01\0\0");
        assert_eq!(bytes[8..16], [0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01]);
        assert_eq!(bytes.len(), 49);
    }

    #[test]
    fn cut_or_changed_envelopes_are_rejected() {
        let key = Scope::new("n", "c", 1).unwrap().key(&1).unwrap();
        let bytes = envelope().close(&key, b"payload");
        for end in 0..bytes.len() {
            assert_eq!(Envelope::open(&key, &bytes[..end]), None);
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(Envelope::open(&key, &changed), None, "byte {at}, bit {bit}");
            }
        }
    }
}
