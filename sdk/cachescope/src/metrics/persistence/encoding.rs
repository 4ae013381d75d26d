//! The encoding of a saved history: a header line with version, length and checksum, then JSON.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachescope_core::nanos;
use cachescope_telemetry::{Counts, PackedCounts, PackedLayout};
use serde::{Deserialize, Serialize};

use crate::metrics::history::SavedHistory;

/// The beginning of every file, in all versions.
const MAGIC: &str = "cachescope-metrics ";

/// The format version. It increases only if an earlier version would read the file wrongly. A new name of a counter is
/// no reason.
const VERSION: u32 = 1;

/// The JSON after the header. Times are in nanoseconds.
#[derive(Deserialize, Serialize)]
struct Body {
    cache: String,
    /// Since 1970.
    saved_at: u64,
    epoch: u64,
    age: u64,
    /// With names, for people who read the file.
    total: Counts,
    layout: PackedLayout,
    /// The length and the counts of each slice.
    slices: Vec<(u64, PackedCounts)>,
}

/// The reason for which saved bytes can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    NotMetrics,
    NewerVersion(u32),
    Damaged,
    OtherCache(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMetrics => write!(f, "it contains no metrics of a cache"),
            Self::NewerVersion(version) => {
                write!(f, "its format version is {version}, but this version reads only up to {VERSION}")
            }
            Self::Damaged => write!(f, "it is damaged: its length or checksum doesn't match its header"),
            Self::OtherCache(cache) => write!(f, "it contains the metrics of the cache \"{}\"", cache.escape_debug()),
        }
    }
}

/// Encodes the history of `cache`.
pub(super) fn encode(cache: &str, saved: &SavedHistory, now: SystemTime) -> Vec<u8> {
    let body = Body {
        cache: cache.to_owned(),
        saved_at: nanos(now.duration_since(UNIX_EPOCH).unwrap_or_default()),
        epoch: saved.epoch,
        age: nanos(saved.age),
        total: Counts::from(&saved.total),
        layout: PackedLayout::present(),
        slices: saved.slices.iter().map(|(length, counted)| (nanos(*length), counted.clone())).collect(),
    };
    // The body has only numbers and strings, so encoding can't fail.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut bytes = format!("{MAGIC}{}\n", header_of(&body)).into_bytes();
    bytes.extend(body);
    bytes
}

fn header_of(body: &[u8]) -> String {
    format!("{VERSION} {} {:08x}", body.len(), crc32fast::hash(body))
}

/// Decodes the history of `cache`. Returns it with its age.
pub(super) fn decode(cache: &str, bytes: &[u8], now: SystemTime) -> Result<(SavedHistory, Duration), Unreadable> {
    let Body { cache: of, saved_at, epoch, age, total, layout, slices } = body(bytes)?;
    if of != cache {
        return Err(Unreadable::OtherCache(of));
    }
    let slices = slices.into_iter().map(|(length, counted)| (Duration::from_nanos(length), layout.read(&counted)));
    let saved = SavedHistory {
        epoch,
        age: Duration::from_nanos(age),
        total: PackedCounts::from(&total),
        slices: slices.collect(),
    };
    let saved_at = UNIX_EPOCH + Duration::from_nanos(saved_at);
    // If the clock was set back, no time has passed.
    Ok((saved, now.duration_since(saved_at).unwrap_or_default()))
}

fn body(bytes: &[u8]) -> Result<Body, Unreadable> {
    let known = bytes.len().min(MAGIC.len());
    let header = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(if bytes[..known] == MAGIC.as_bytes()[..known] {
        Unreadable::Damaged
    } else {
        Unreadable::NotMetrics
    })?;
    let end = header.iter().position(|byte| *byte == b'\n').ok_or(Unreadable::Damaged)?;
    let (header, body) = (str::from_utf8(&header[..end]).map_err(|_| Unreadable::Damaged)?, &header[end + 1..]);
    let version = header.split(' ').next().and_then(|version| version.parse().ok());
    if let Some(future) = version.filter(|version| *version > VERSION) {
        return Err(Unreadable::NewerVersion(future));
    }
    if header != header_of(body) {
        return Err(Unreadable::Damaged);
    }
    serde_json::from_slice(body).map_err(|_| Unreadable::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> SystemTime {
        UNIX_EPOCH + SECOND * 1_700_000_000
    }

    fn past() -> SavedHistory {
        let packed: PackedCounts = serde_json::from_str("[0,7,300,5]").unwrap();
        SavedHistory {
            epoch: 2,
            age: SECOND * 90,
            total: packed.clone(),
            slices: vec![(SECOND * 60, packed), (SECOND, PackedCounts::default())],
        }
    }

    #[test]
    fn encoded_history_is_decoded() {
        let bytes = encode("user", &past(), now());
        assert_eq!(decode("user", &bytes, now() + SECOND * 5), Ok((past(), SECOND * 5)));
        assert_eq!(decode("user", &bytes, now() - SECOND), Ok((past(), Duration::ZERO)), "a clock set back");
    }

    #[test]
    fn truncated_or_changed_bytes_are_rejected() {
        let bytes = encode("user", &past(), now());
        for length in 0..bytes.len() {
            assert_eq!(decode("user", &bytes[..length], now()), Err(Unreadable::Damaged), "{length} bytes");
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                assert!(decode("user", &changed, now()).is_err(), "byte {at}");
            }
        }
        let mut longer = bytes;
        longer.push(b' ');
        assert_eq!(decode("user", &longer, now()), Err(Unreadable::Damaged));
    }

    #[test]
    fn foreign_bytes_are_rejected_with_a_reason() {
        let bytes = encode("user", &past(), now());
        assert_eq!(decode("price", &bytes, now()), Err(Unreadable::OtherCache("user".to_owned())));
        assert_eq!(decode("user", b"PNG", now()), Err(Unreadable::NotMetrics));
        assert_eq!(decode("user", b"cachescope-metrics 7 whatever\n", now()), Err(Unreadable::NewerVersion(7)));
        assert_eq!(decode("user", b"cachescope-metrics 0 2 00000000\n{}", now()), Err(Unreadable::Damaged));
        let shown = Unreadable::OtherCache("a\nb".to_owned()).to_string();
        assert_eq!(shown, r#"it contains the metrics of the cache "a\nb""#);
    }
}
