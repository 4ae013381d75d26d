//! How a history is written: a line that says what follows and how to check it, and JSON.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachescope_core::{Counts, Layout, Packed, nanos};
use serde::{Deserialize, Serialize};

use crate::metrics::history::Past;

/// How every file of ours begins, of whatever version.
const MAGIC: &str = "cachescope-metrics ";

/// Larger where an earlier version couldn't read it rightly. A new name of a number is no reason.
const VERSION: u32 = 1;

/// Times in nanoseconds.
#[derive(Deserialize, Serialize)]
struct Body {
    cache: String,
    /// Since 1970.
    saved_at: u64,
    epoch: u64,
    age: u64,
    /// By name, for who looks into the file.
    total: Counts,
    layout: Layout,
    /// How long each was, and what it held.
    slices: Vec<(u64, Packed)>,
}

/// Why something can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Foreign,
    Future(u32),
    Damaged,
    OfAnother(String),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => write!(f, "it holds no metrics of a cache"),
            Self::Future(version) => write!(f, "it is of version {version}, and this one reads up to {VERSION}"),
            Self::Damaged => write!(f, "it is damaged: its length or checksum isn't the one it says"),
            Self::OfAnother(cache) => write!(f, "it holds the metrics of \"{}\"", cache.escape_debug()),
        }
    }
}

/// The history of `cache`, as it is to be kept.
pub(super) fn write(cache: &str, past: &Past, now: SystemTime) -> Vec<u8> {
    let body = Body {
        cache: cache.to_owned(),
        saved_at: nanos(now.duration_since(UNIX_EPOCH).unwrap_or_default()),
        epoch: past.epoch,
        age: nanos(past.age),
        total: Counts::from(&past.total),
        layout: Layout::present(),
        slices: past.slices.iter().map(|(length, counted)| (nanos(*length), counted.clone())).collect(),
    };
    // Numbers and strings: there is nothing JSON couldn't say.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut bytes = format!("{MAGIC}{}\n", header_of(&body)).into_bytes();
    bytes.extend(body);
    bytes
}

fn header_of(body: &[u8]) -> String {
    format!("{VERSION} {} {:08x}", body.len(), crc32fast::hash(body))
}

/// What was kept of `cache`, and how long ago.
pub(super) fn read(cache: &str, bytes: &[u8], now: SystemTime) -> Result<(Past, Duration), Unusable> {
    let Body { cache: of, saved_at, epoch, age, total, layout, slices } = body(bytes)?;
    if of != cache {
        return Err(Unusable::OfAnother(of));
    }
    let slices = slices.into_iter().map(|(length, counted)| (Duration::from_nanos(length), layout.read(&counted)));
    let past = Past { epoch, age: Duration::from_nanos(age), total: Packed::from(&total), slices: slices.collect() };
    let saved_at = UNIX_EPOCH + Duration::from_nanos(saved_at);
    // A clock that was set back says no time has passed.
    Ok((past, now.duration_since(saved_at).unwrap_or_default()))
}

fn body(bytes: &[u8]) -> Result<Body, Unusable> {
    let known = bytes.len().min(MAGIC.len());
    let header = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(if bytes[..known] == MAGIC.as_bytes()[..known] {
        Unusable::Damaged
    } else {
        Unusable::Foreign
    })?;
    let end = header.iter().position(|byte| *byte == b'\n').ok_or(Unusable::Damaged)?;
    let (header, body) = (str::from_utf8(&header[..end]).map_err(|_| Unusable::Damaged)?, &header[end + 1..]);
    let version = header.split(' ').next().and_then(|version| version.parse().ok());
    if let Some(future) = version.filter(|version| *version > VERSION) {
        return Err(Unusable::Future(future));
    }
    if header != header_of(body) {
        return Err(Unusable::Damaged);
    }
    serde_json::from_slice(body).map_err(|_| Unusable::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> SystemTime {
        UNIX_EPOCH + SECOND * 1_700_000_000
    }

    fn past() -> Past {
        let packed: Packed = serde_json::from_str("[0,7,300,5]").unwrap();
        Past {
            epoch: 2,
            age: SECOND * 90,
            total: packed.clone(),
            slices: vec![(SECOND * 60, packed), (SECOND, Packed::default())],
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = write("user", &past(), now());
        assert_eq!(read("user", &bytes, now() + SECOND * 5), Ok((past(), SECOND * 5)));
        assert_eq!(read("user", &bytes, now() - SECOND), Ok((past(), Duration::ZERO)), "a clock set back");
    }

    #[test]
    fn what_is_cut_off_or_changed_anywhere_is_not_used() {
        let bytes = write("user", &past(), now());
        for length in 0..bytes.len() {
            assert_eq!(read("user", &bytes[..length], now()), Err(Unusable::Damaged), "{length} bytes");
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                assert!(read("user", &changed, now()).is_err(), "byte {at}");
            }
        }
        let mut longer = bytes;
        longer.push(b' ');
        assert_eq!(read("user", &longer, now()), Err(Unusable::Damaged));
    }

    #[test]
    fn what_is_another_s_says_whose() {
        let bytes = write("user", &past(), now());
        assert_eq!(read("price", &bytes, now()), Err(Unusable::OfAnother("user".to_owned())));
        assert_eq!(read("user", b"PNG", now()), Err(Unusable::Foreign));
        assert_eq!(read("user", b"cachescope-metrics 7 whatever\n", now()), Err(Unusable::Future(7)));
        assert_eq!(read("user", b"cachescope-metrics 0 2 00000000\n{}", now()), Err(Unusable::Damaged));
        let told = Unusable::OfAnother("a\nb".to_owned()).to_string();
        assert_eq!(told, r#"it holds the metrics of "a\nb""#);
    }
}
