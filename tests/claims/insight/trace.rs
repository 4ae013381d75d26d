//! The access traces of the tests.

use std::fs;

use cachescope_tests::access_trace::{looping, mixed, shifting, zipf};

/// A trace and its name.
#[derive(Clone)]
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) keys: Vec<u64>,
}

/// The number of requests of a synthetic trace.
pub(crate) const REQUESTS: usize = 60_000;

/// Synthetic traces for a cache of `capacity` entries: Zipf's law with several exponents, a loop that is just too large,
/// a mix with scans, and sets of keys that change.
pub(crate) fn synthetic(capacity: u64) -> Vec<Trace> {
    let made = |name: &str, keys: Vec<u64>| Trace { name: name.to_owned(), keys };
    let zipfs = [0.6, 0.8, 1.0, 1.2].map(|alpha| {
        let keys = zipf(alpha, 25 * capacity, REQUESTS, 1).collect();
        Trace { name: format!("zipf {alpha}"), keys }
    });
    let others = [
        made("loop", looping(capacity * 6 / 5, REQUESTS).collect()),
        made("mixed", mixed(10 * capacity, REQUESTS, 2).collect()),
        made("shifting", shifting(capacity * 3 / 2, 20_000, REQUESTS, 3).collect()),
    ];
    zipfs.into_iter().chain(others).collect()
}

/// The trace that `CACHESCOPE_TRACE` names, if it is set.
///
/// # Panics
/// If it can't be read.
pub(crate) fn named() -> Option<Trace> {
    let path = std::env::var("CACHESCOPE_TRACE").ok()?;
    let packed = fs::read(&path).unwrap_or_else(|error| panic!("CACHESCOPE_TRACE={path}: {error}"));
    let text = if packed.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        zstd::decode_all(&*packed).unwrap_or_else(|error| panic!("CACHESCOPE_TRACE={path}: {error}"))
    } else {
        packed
    };
    let text = String::from_utf8(text).unwrap_or_else(|error| panic!("CACHESCOPE_TRACE={path}: {error}"));
    let keys = text.lines().flat_map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().expect("numbers"));
        let start = numbers.next().expect("a key");
        start..start + numbers.next().unwrap_or(1)
    });
    Some(Trace { keys: keys.collect(), name: path })
}
