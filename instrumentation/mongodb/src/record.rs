//! What a document of ours looks like.
//!
//! | field | what |
//! |---|---|
//! | `_id` | scope and key |
//! | `value`, `bytes`, `expires_at` | the entry, its size and its end; absent where there is none |
//! | `token`, `until` | who holds the lease, and its end; absent where nobody does |
//! | `purge_at` | when both are over: what the index, or a sweep, goes by |

use cachescope_core::shared::{LeaseToken, Scope};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, Document, doc};

use crate::clock::ServerTime;

/// MongoDB's documents have at most 16 MiB; the rest of one of ours, and of the command around it, has room in 16 KiB.
pub(crate) const LARGEST: usize = (16 << 20) - (16 << 10);

/// The document of this name.
pub(crate) fn named(id: &str) -> Document {
    doc! { "_id": id }
}

/// The documents of a scope. Its text always has three parts, so no other scope's begins with it and a colon; and the
/// semicolon comes next after the colon. No index is needed but the one there always is.
pub(crate) fn of_scope(scope: &Scope) -> Document {
    let scope = scope.as_str();
    doc! { "_id": { "$gte": format!("{scope}:"), "$lt": format!("{scope};") } }
}

/// The document of this name, while `token` holds its lease.
pub(crate) fn held(id: &str, token: LeaseToken, now: ServerTime) -> Document {
    doc! { "_id": id, "token": number(token), "until": { "$gt": now.date() } }
}

/// The document of this name, while nobody but `token` holds its lease.
pub(crate) fn free_for(id: &str, token: LeaseToken, now: ServerTime) -> Document {
    let over = doc! { "until": { "$not": { "$gt": now.date() } } };
    doc! { "_id": id, "$or": [over, { "token": number(token) }] }
}

/// Stores an entry, and ends the lease.
pub(crate) fn storing(bytes: Vec<u8>, end: DateTime) -> Document {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let value = Binary { subtype: BinarySubtype::Generic, bytes };
    doc! {
        "$set": { "value": value, "bytes": length, "expires_at": end, "purge_at": end },
        "$unset": { "token": "", "until": "" },
    }
}

/// Takes the lease, and keeps the document for as long.
pub(crate) fn leasing(token: LeaseToken, until: DateTime) -> Document {
    doc! { "$set": { "token": number(token), "until": until }, "$max": { "purge_at": until } }
}

/// Ends the lease. The document stays until what it was kept for is over, which is soon.
pub(crate) fn releasing() -> Document {
    doc! { "$unset": { "token": "", "until": "" } }
}

/// What of a document a reader wants.
pub(crate) fn entry_alone() -> Document {
    doc! { "_id": 0, "value": 1, "expires_at": 1 }
}

/// The entry in a document, if there is one and it is alive. What others put into our collection is none.
pub(crate) fn living(document: &mut Document, now: ServerTime) -> Option<Vec<u8>> {
    let ends = document.get_datetime("expires_at").ok()?;
    if *ends <= now.date() {
        return None;
    }
    match document.remove("value")? {
        mongodb::bson::Bson::Binary(value) => Some(value.bytes),
        _ => None,
    }
}

/// Tokens fit: they are of 63 bits.
fn number(token: LeaseToken) -> i64 {
    i64::try_from(token.number()).unwrap_or(i64::MAX)
}
