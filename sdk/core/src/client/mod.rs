//! The telemetry of database clients, by OpenTelemetry's conventions: what an operation took, and how a pool does.
//!
//! The stores' crates use it for the clients they wrap; whoever wraps another one gets the same spans and metrics from
//! it. Names are in [`names`], and in `semconv/client.yaml` with what they mean.
//!
//! No value of a key, a document or a column gets into telemetry, unless a caller passes it: as the text of a query
//! ([`Operation::query_text`], which [`Dialect::sanitised`] takes the literals out of), or in a name.

mod instruments;
pub mod names;
mod operation;
mod pool;
mod pools;
mod sql;
mod system;

#[cfg(test)]
mod exported;

use std::fmt;
use std::sync::Arc;

use opentelemetry::StringValue;

pub(crate) use self::instruments::{OperationInstruments, PoolInstruments};
pub use self::operation::{Failed, Operation, Running};
pub use self::pool::{InUse, PendingRequest, Pool, PoolRegistration};
pub use self::pools::PoolLevels;
pub(crate) use self::pools::Pools;
pub use self::sql::Dialect;
pub use self::system::System;
use crate::telemetry::Telemetry;

/// A client of one database, as its telemetry tells it: which system, where, and what in there. Cheap to clone.
///
/// ```
/// use cachescope_core::client::{Client, Failed, System};
///
/// let client = Client::new(System::PostgreSql).server("db.internal", 5433).namespace("shop");
/// let running = client.operation("SELECT").collection("users").start();
/// // … ask the database …
/// running.end(Err(Failed::new("unique_violation").status_code("23505")));
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    system: System,
    telemetry: Telemetry,
    server: Option<(Arc<str>, Option<u16>)>,
    namespace: Option<Arc<str>>,
}

impl Client {
    /// A client of such a system, which reports to OpenTelemetry's global providers.
    #[must_use]
    pub fn new(system: System) -> Self {
        Self(Arc::new(Inner { system, telemetry: Telemetry::global(), server: None, namespace: None }))
    }

    /// Where its telemetry goes. Default: the global providers.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        Arc::make_mut(&mut self.0).telemetry = telemetry;
        self
    }

    /// Which server it asks: a host's name, an address, or a socket's path, and the port. The port is told where it
    /// isn't the system's usual one.
    #[must_use]
    pub fn server(mut self, address: impl Into<Arc<str>>, port: impl Into<Option<u16>>) -> Self {
        let port = port.into().filter(|port| Some(*port) != self.0.system.default_port());
        Arc::make_mut(&mut self.0).server = Some((address.into(), port));
        self
    }

    /// The database in the server, as the system calls it: a database's name, `database|schema`, Redis's index.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<Arc<str>>) -> Self {
        Arc::make_mut(&mut self.0).namespace = Some(name.into());
        self
    }

    /// An operation, to be [started](Operation::start). Its name is what the database calls it (`GET`, `SELECT`,
    /// `findAndModify`); empty where no one name describes it. Each name is a series: never make it of data.
    pub fn operation(&self, name: impl Into<StringValue>) -> Operation {
        Operation::new(self.clone(), name.into())
    }

    /// The pool of connections called so; pools of one name add up. Unique among the pools that report to the same
    /// [`Telemetry`]; an application that doesn't name its pools has [`Client::pool_name`].
    #[must_use]
    pub fn pool(&self, name: impl Into<Arc<str>>) -> Pool {
        Pool::new(self.0.telemetry.clone(), name.into())
    }

    /// What a pool of this client is called if nobody called it anything: `address:port/namespace`, as far as they are
    /// known, or else the system.
    #[must_use]
    pub fn pool_name(&self) -> String {
        let server = self.server_name();
        match (&server, &self.0.namespace) {
            (Some(server), Some(namespace)) => format!("{server}/{namespace}"),
            (Some(name), None) => name.clone(),
            (None, Some(name)) => name.to_string(),
            (None, None) => self.0.system.as_str().to_owned(),
        }
    }

    /// `address:port`, or the address alone where the port isn't told.
    fn server_name(&self) -> Option<String> {
        let (address, port) = self.0.server.as_ref()?;
        Some(port.map_or_else(|| address.to_string(), |port| format!("{address}:{port}")))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { system, telemetry: _, server, namespace } = &*self.0;
        let (system, server) = (system.as_str(), server);
        f.debug_struct("Client")
            .field("system", &system)
            .field("server", server)
            .field("namespace", namespace)
            .finish_non_exhaustive()
    }
}
