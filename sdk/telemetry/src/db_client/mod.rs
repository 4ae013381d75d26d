//! The telemetry of database clients, by OpenTelemetry's semantic conventions: a span and a duration for each
//! operation, and the metrics of connection pools.
//!
//! The crates of cachescope's stores use it for the clients that they wrap. Use it to give another client the same
//! spans and metrics. The names are in [`names`]; `semconv/client.yaml` describes them.
//!
//! No value of a key, a document or a column gets into telemetry unless the caller passes it. A caller can pass it in a
//! name, or in the text of a query: [`Operation::query_text`]. [`Dialect::sanitised`] removes the literals from a
//! query.

mod client;
pub(crate) mod instruments;
pub mod names;
mod operation;
mod operation_error;
mod pool;
pub(crate) mod pools;
mod sql;
mod system;

#[cfg(test)]
mod in_memory_sdk;

pub use self::client::Client;
pub use self::operation::{Operation, RunningOperation};
pub use self::operation_error::OperationError;
pub use self::pool::{ConnectionInUse, PendingRequest, Pool, PoolRegistration};
pub use self::pools::PoolLevels;
pub use self::sql::Dialect;
pub use self::system::System;
