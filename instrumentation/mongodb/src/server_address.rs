//! The server address in telemetry.

use cachescope_telemetry::db_client::Client;
use mongodb::options::ServerAddress;

/// Returns the telemetry client with the address of a server.
pub(crate) fn client_of_server(client: &Client, address: &ServerAddress) -> Client {
    match address {
        ServerAddress::Tcp { host, port } => client.clone().server(host.as_str(), port.unwrap_or(27_017)),
        #[cfg(unix)]
        ServerAddress::Unix { path } => client.clone().server(path.to_string_lossy().as_ref(), None),
        _ => client.clone(),
    }
}
