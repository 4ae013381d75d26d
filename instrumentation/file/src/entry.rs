//! An entry as a file.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | `CSF1` |
//! | 4..8 | CRC-32 of all that follows |
//! | 8..16 | until when it lives, nanoseconds since 1970; all ones: for ever |
//! | 16..24 | length of the value |
//! | 24..26 | length of the name |
//! | 26..512 | name: scope and key, zeros after it |
//! | 512.. | value |
//!
//! Numbers are little-endian.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachescope_core::nanos;
use crc32fast::Hasher;

const MAGIC: [u8; 4] = *b"CSF1";
const NAME_AT: usize = 26;
/// Of a fixed length, so that a file's length tells its value's.
pub(crate) const HEAD: usize = 512;

pub(crate) const NEVER: u64 = u64::MAX;

/// In nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Until when lasts what lasts from now on for as long; what ends after 2554 doesn't.
pub(crate) fn until(life: Option<Duration>) -> u64 {
    life.map_or(NEVER, |life| now().saturating_add(nanos(life)))
}

/// What is told of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    checksum: u32,
    pub(crate) until: u64,
    length: u64,
    name: String,
}

impl Head {
    pub(crate) fn is_over(&self) -> bool {
        self.until <= now()
    }

    /// `None` where these bytes aren't a head of ours. The checksum is of the value as well, so it isn't looked at.
    fn parse(bytes: &[u8; HEAD]) -> Option<Self> {
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        let name_length = usize::from(u16::from_le_bytes([bytes[24], bytes[25]]));
        let name = bytes.get(NAME_AT..NAME_AT + name_length)?;
        (bytes[..4] == MAGIC).then_some(())?;
        Some(Self {
            checksum: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            until: number(8),
            length: number(16),
            name: std::str::from_utf8(name).ok()?.to_owned(),
        })
    }
}

/// Writes an entry.
///
/// # Errors
/// The file's; and if the name is too long, which those of caches aren't.
pub(crate) fn write(file: &mut File, name: &str, until: u64, value: &[u8]) -> io::Result<()> {
    let mut head = [0; HEAD];
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "the name of the entry is too long");
    head.get_mut(NAME_AT..NAME_AT + name.len()).ok_or_else(too_long)?.copy_from_slice(name.as_bytes());
    let name_length = u16::try_from(name.len()).map_err(|_| too_long())?;
    head[24..26].copy_from_slice(&name_length.to_le_bytes());
    head[16..24].copy_from_slice(&(value.len() as u64).to_le_bytes());
    head[8..16].copy_from_slice(&until.to_le_bytes());
    let checksum = checksum(&head, value);
    head[4..8].copy_from_slice(&checksum.to_le_bytes());
    head[..4].copy_from_slice(&MAGIC);
    // Both with one call to the system, where they fit.
    let written = file.write_vectored(&[IoSlice::new(&head), IoSlice::new(value)])?;
    file.write_all(&head[written.min(HEAD)..])?;
    file.write_all(&value[written.saturating_sub(HEAD)..])
}

/// The value, if this is a whole entry called `name` whose life isn't over.
pub(crate) fn read(file: &mut File, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = [0; HEAD];
    if !filled(file, &mut bytes)? {
        return Ok(None);
    }
    let Some(head) = Head::parse(&bytes).filter(|head| head.name == name && !head.is_over()) else { return Ok(None) };
    // What is torn may claim any length: the file's own is the room that is taken.
    let length = file.metadata()?.len().saturating_sub(HEAD as u64);
    if length != head.length {
        return Ok(None);
    }
    let mut value = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    file.take(length).read_to_end(&mut value)?;
    let whole = value.len() as u64 == length && checksum(&bytes, &value) == head.checksum;
    Ok(whole.then_some(value))
}

/// What is told of the value in this file; `None` where it isn't an entry of ours.
pub(crate) fn head(file: &mut File) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD];
    if !filled(file, &mut bytes)? {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    Ok(Head::parse(&bytes).filter(|head| head.length.saturating_add(HEAD as u64) == length))
}

fn filled(file: &mut File, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn checksum(head: &[u8; HEAD], value: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&head[8..]);
    hasher.update(value);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    fn written(value: &[u8], until: u64) -> File {
        let mut file = tempfile::tempfile().unwrap();
        write(&mut file, "scope:key", until, value).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn a_value_comes_back_under_its_name_while_it_lives() {
        for value in [b"".as_slice(), b"value", &[7; 100_000]] {
            assert_eq!(read(&mut written(value, NEVER), "scope:key").unwrap().unwrap(), value);
            assert_eq!(read(&mut written(value, NEVER), "scope:kez").unwrap(), None);
            assert_eq!(read(&mut written(value, now()), "scope:key").unwrap(), None);
            let mut file = written(value, 7);
            let head = head(&mut file).unwrap().unwrap();
            assert_eq!((head.until, head.length, head.is_over()), (7, value.len() as u64, true));
        }
    }

    #[test]
    fn what_is_torn_anywhere_is_none() {
        let mut bytes = Vec::new();
        written(b"value", NEVER).read_to_end(&mut bytes).unwrap();
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
    fn a_name_that_has_no_room_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        assert!(write(&mut file, &"x".repeat(HEAD - NAME_AT), NEVER, b"").is_ok());
        assert!(write(&mut file, &"x".repeat(HEAD - NAME_AT + 1), NEVER, b"").is_err());
    }

    #[test]
    fn the_longest_life_is_for_ever() {
        assert_eq!((until(None), until(Some(Duration::MAX))), (NEVER, NEVER));
        assert!(until(Some(Duration::from_secs(1))) > now());
    }
}
