//! The file format of an entry.
//!
//! | bytes | content |
//! |---|---|
//! | 0..4 | `CSF1` |
//! | 4..8 | CRC-32 of all bytes that follow |
//! | 8..16 | expiry time in nanoseconds since 1970; all ones: never |
//! | 16..24 | length of the value |
//! | 24..26 | length of the name |
//! | 26..512 | name: scope and key, padded with zeros |
//! | 512.. | value |
//!
//! Integers are little-endian.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachescope_core::nanos;
use crc32fast::Hasher;

const MAGIC: [u8; 4] = *b"CSF1";
const NAME_OFFSET: usize = 26;
/// The length of the header. It is fixed, so that the length of the value follows from the length of the file.
pub(crate) const HEADER_LENGTH: usize = 512;

pub(crate) const NO_EXPIRY: u64 = u64::MAX;

/// Returns the current time in nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Returns the time at which `ttl` from now is over. A time after the year 2554 is [`NO_EXPIRY`].
pub(crate) fn expiry(ttl: Option<Duration>) -> u64 {
    ttl.map_or(NO_EXPIRY, |ttl| now().saturating_add(nanos(ttl)))
}

/// The header of an entry's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    checksum: u32,
    pub(crate) expires_at: u64,
    length: u64,
    name: String,
}

impl Header {
    pub(crate) fn is_expired(&self) -> bool {
        self.expires_at <= now()
    }

    /// Returns `None` if the bytes aren't a header of this format. Doesn't verify the checksum, which also covers the
    /// value.
    fn parse(bytes: &[u8; HEADER_LENGTH]) -> Option<Self> {
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        let name_length = usize::from(u16::from_le_bytes([bytes[24], bytes[25]]));
        let name = bytes.get(NAME_OFFSET..NAME_OFFSET + name_length)?;
        (bytes[..4] == MAGIC).then_some(())?;
        Some(Self {
            checksum: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            expires_at: number(8),
            length: number(16),
            name: std::str::from_utf8(name).ok()?.to_owned(),
        })
    }
}

/// Writes an entry.
///
/// # Errors
/// If the file can't be written, or `name` is longer than its field. Names of caches always fit.
pub(crate) fn write(file: &mut File, name: &str, expires_at: u64, value: &[u8]) -> io::Result<()> {
    let mut head = [0; HEADER_LENGTH];
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "the name of the entry is too long");
    head.get_mut(NAME_OFFSET..NAME_OFFSET + name.len()).ok_or_else(too_long)?.copy_from_slice(name.as_bytes());
    let name_length = u16::try_from(name.len()).map_err(|_| too_long())?;
    head[24..26].copy_from_slice(&name_length.to_le_bytes());
    head[16..24].copy_from_slice(&(value.len() as u64).to_le_bytes());
    head[8..16].copy_from_slice(&expires_at.to_le_bytes());
    let checksum = checksum(&head, value);
    head[4..8].copy_from_slice(&checksum.to_le_bytes());
    head[..4].copy_from_slice(&MAGIC);
    // One system call writes both, unless the system accepts only a part.
    let written = file.write_vectored(&[IoSlice::new(&head), IoSlice::new(value)])?;
    file.write_all(&head[written.min(HEADER_LENGTH)..])?;
    file.write_all(&value[written.saturating_sub(HEADER_LENGTH)..])
}

/// Returns the value if the file is a complete entry of `name` that hasn't expired.
pub(crate) fn read(file: &mut File, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = [0; HEADER_LENGTH];
    if !filled(file, &mut bytes)? {
        return Ok(None);
    }
    let Some(head) = Header::parse(&bytes).filter(|head| head.name == name && !head.is_expired()) else {
        return Ok(None);
    };
    // A torn header may claim any length, so the buffer gets the length of the file.
    let length = file.metadata()?.len().saturating_sub(HEADER_LENGTH as u64);
    if length != head.length {
        return Ok(None);
    }
    let mut value = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    file.take(length).read_to_end(&mut value)?;
    let whole = value.len() as u64 == length && checksum(&bytes, &value) == head.checksum;
    Ok(whole.then_some(value))
}

/// Returns the header of an entry's file, or `None` if the file isn't an entry of this format.
pub(crate) fn head(file: &mut File) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER_LENGTH];
    if !filled(file, &mut bytes)? {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    Ok(Header::parse(&bytes).filter(|head| head.length.saturating_add(HEADER_LENGTH as u64) == length))
}

fn filled(file: &mut File, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn checksum(head: &[u8; HEADER_LENGTH], value: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&head[8..]);
    hasher.update(value);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    fn written(value: &[u8], expires_at: u64) -> File {
        let mut file = tempfile::tempfile().unwrap();
        write(&mut file, "scope:key", expires_at, value).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn value_is_read_under_its_name_until_it_expires() {
        for value in [b"".as_slice(), b"value", &[7; 100_000]] {
            assert_eq!(read(&mut written(value, NO_EXPIRY), "scope:key").unwrap().unwrap(), value);
            assert_eq!(read(&mut written(value, NO_EXPIRY), "scope:kez").unwrap(), None);
            assert_eq!(read(&mut written(value, now()), "scope:key").unwrap(), None);
            let mut file = written(value, 7);
            let head = head(&mut file).unwrap().unwrap();
            assert_eq!((head.expires_at, head.length, head.is_expired()), (7, value.len() as u64, true));
        }
    }

    #[test]
    fn torn_entry_is_not_read() {
        let mut bytes = Vec::new();
        written(b"value", NO_EXPIRY).read_to_end(&mut bytes).unwrap();
        let stored = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file.rewind().unwrap();
            read(&mut file, "scope:key").unwrap()
        };
        assert_eq!(stored(&bytes).unwrap(), b"value");
        for length in 0..bytes.len() {
            assert_eq!(stored(&bytes[..length]), None);
        }
        for at in 0..bytes.len() {
            let mut torn = bytes.clone();
            torn[at] ^= 0x10;
            assert_eq!(stored(&torn), None, "{at}");
        }
        assert_eq!(stored(&[bytes.as_slice(), b"x"].concat()), None);
    }

    #[test]
    fn write_fails_when_name_is_too_long() {
        let mut file = tempfile::tempfile().unwrap();
        assert!(write(&mut file, &"x".repeat(HEADER_LENGTH - NAME_OFFSET), NO_EXPIRY, b"").is_ok());
        assert!(write(&mut file, &"x".repeat(HEADER_LENGTH - NAME_OFFSET + 1), NO_EXPIRY, b"").is_err());
    }

    #[test]
    fn longest_ttl_never_expires() {
        assert_eq!((expiry(None), expiry(Some(Duration::MAX))), (NO_EXPIRY, NO_EXPIRY));
        assert!(expiry(Some(Duration::from_secs(1))) > now());
    }
}
