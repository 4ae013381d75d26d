//! Protection of the SDK against panics in callbacks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Returns the result of `read`, or `None` if it panics.
///
/// A panic in a callback would poison the SDK's whole pipeline. A cache (its store, a key's `Drop`) or a pool that
/// panics only loses the data points of its name that needed the result, in this collection. The panic is logged once
/// per process.
pub(crate) fn unless_it_panics<T>(read: impl FnOnce() -> T) -> Option<T> {
    let answer = catch_unwind(AssertUnwindSafe(read)).ok();
    if answer.is_none() {
        static LOGGED: Once = Once::new();
        LOGGED.call_once(|| {
            tracing::error!("cache or connection pool panicked while its metrics were collected: some of its data points are missing");
        });
    }
    answer
}
