//! A client of a database.

use std::fmt;
use std::sync::Arc;

use opentelemetry::StringValue;

use super::operation::Operation;
use super::pool::Pool;
use super::system::System;
use crate::telemetry::Telemetry;

/// A client of one database: its system, its server and its namespace. Cheap to clone.
///
/// ```
/// use cachescope_telemetry::db_client::{Client, OperationError, System};
///
/// let client = Client::new(System::PostgreSql).server("db.internal", 5433).namespace("shop");
/// let running = client.operation("SELECT").collection("users").start();
/// // … query the database …
/// running.end(Err(OperationError::new("unique_violation").status_code("23505")));
/// ```
#[derive(Clone)]
pub struct Client(pub(super) Arc<Inner>);

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) system: System,
    pub(super) telemetry: Telemetry,
    pub(super) server: Option<(Arc<str>, Option<u16>)>,
    pub(super) namespace: Option<Arc<str>>,
}

impl Client {
    /// Creates a client of this system, which reports to OpenTelemetry's global providers.
    #[must_use]
    pub fn new(system: System) -> Self {
        Self(Arc::new(Inner { system, telemetry: Telemetry::global(), server: None, namespace: None }))
    }

    /// Sets the telemetry that the client reports to. Default: the global providers.
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        Arc::make_mut(&mut self.0).telemetry = telemetry;
        self
    }

    /// Sets the server: a host name, an address or the path of a socket, and the port. A port that is the system's
    /// default isn't reported.
    #[must_use]
    pub fn server(mut self, address: impl Into<Arc<str>>, port: impl Into<Option<u16>>) -> Self {
        let port = port.into().filter(|port| Some(*port) != self.0.system.default_port());
        Arc::make_mut(&mut self.0).server = Some((address.into(), port));
        self
    }

    /// Sets the database within the server, in the notation of the system: a name, `database|schema`, or the index of a
    /// Redis database.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<Arc<str>>) -> Self {
        Arc::make_mut(&mut self.0).namespace = Some(name.into());
        self
    }

    /// Creates an operation, which [`Operation::start`] starts. `name` is the database's name for it (`GET`, `SELECT`,
    /// `findAndModify`), or empty if no single name describes it. Each name is a series, so never make it from data.
    pub fn operation(&self, name: impl Into<StringValue>) -> Operation {
        Operation::new(self.clone(), name.into())
    }

    /// Returns the connection pool with this name. Pools of the same name that report to the same [`Telemetry`] are
    /// reported as one. If the application has no name for its pool, use [`Client::pool_name`].
    #[must_use]
    pub fn pool(&self, name: impl Into<Arc<str>>) -> Pool {
        Pool::new(self.0.telemetry.clone(), name.into())
    }

    /// Returns the default name of a pool of this client: `address:port/namespace`, as far as they are known, or else
    /// the system.
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

    /// Returns `address:port`, or only the address if the port isn't reported.
    pub(super) fn server_name(&self) -> Option<String> {
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
