//! The document of a key, and the filters and updates on it.
//!
//! | field | content |
//! |---|---|
//! | `_id` | scope and key |
//! | `value`, `bytes`, `expires_at` | the entry, its size and its expiry time; absent without an entry |
//! | `token`, `until` | the token of the lease and its expiry time; absent without a lease |
//! | `purge_at` | the time at which both have expired; the TTL index and sweeps use it |

use cachescope_core::shared::{LeaseToken, Scope};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, Document, doc};

use crate::server_clock::ServerTime;

/// The maximum size of a value. MongoDB limits documents to 16 MiB, and 16 KiB are enough for the other fields and the
/// command.
pub(crate) const MAX_VALUE_BYTES: usize = (16 << 20) - (16 << 10);

/// Matches the document with this `_id`.
pub(crate) fn by_id(id: &str) -> Document {
    doc! { "_id": id }
}

/// Matches the documents of a scope, by the index on `_id`.
///
/// The text of a scope always has three parts, so no `_id` of another scope begins with the text and a colon. The
/// semicolon is the character after the colon.
pub(crate) fn in_scope(scope: &Scope) -> Document {
    let scope = scope.as_str();
    doc! { "_id": { "$gte": format!("{scope}:"), "$lt": format!("{scope};") } }
}

/// Matches the document with this `_id` if `token` holds its lease.
pub(crate) fn held_by(id: &str, token: LeaseToken, now: ServerTime) -> Document {
    doc! { "_id": id, "token": token_number(token), "until": { "$gt": now.date() } }
}

/// Matches the document with this `_id` unless another token holds its lease.
pub(crate) fn leasable_by(id: &str, token: LeaseToken, now: ServerTime) -> Document {
    let expired = doc! { "until": { "$not": { "$gt": now.date() } } };
    doc! { "_id": id, "$or": [expired, { "token": token_number(token) }] }
}

/// Returns the update that stores an entry and ends the lease.
pub(crate) fn set_entry(bytes: Vec<u8>, end: DateTime) -> Document {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let value = Binary { subtype: BinarySubtype::Generic, bytes };
    doc! {
        "$set": { "value": value, "bytes": length, "expires_at": end, "purge_at": end },
        "$unset": { "token": "", "until": "" },
    }
}

/// Returns the update that takes the lease. It keeps the document at least as long as the lease.
pub(crate) fn set_lease(token: LeaseToken, until: DateTime) -> Document {
    doc! { "$set": { "token": token_number(token), "until": until }, "$max": { "purge_at": until } }
}

/// Returns the update that ends the lease. A document without an entry stays until its `purge_at`, which is soon.
pub(crate) fn unset_lease() -> Document {
    doc! { "$unset": { "token": "", "until": "" } }
}

/// Returns the projection to the fields that a read needs.
pub(crate) fn entry_projection() -> Document {
    doc! { "_id": 0, "value": 1, "expires_at": 1 }
}

/// Returns the value in a document, if it has an entry that hasn't expired. A document in another format has no entry.
pub(crate) fn unexpired_value(document: &mut Document, now: ServerTime) -> Option<Vec<u8>> {
    let expires_at = document.get_datetime("expires_at").ok()?;
    if *expires_at <= now.date() {
        return None;
    }
    match document.remove("value")? {
        mongodb::bson::Bson::Binary(value) => Some(value.bytes),
        _ => None,
    }
}

/// Returns the token as an integer. Tokens have 63 bits, so they fit.
fn token_number(token: LeaseToken) -> i64 {
    i64::try_from(token.number()).unwrap_or(i64::MAX)
}
