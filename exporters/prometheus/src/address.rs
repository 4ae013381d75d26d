//! The address of the server, from environment variables.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

use cachescope_exporter::{ConfigError, Variables, process_variable};

use crate::Error;

const HOST: &str = "OTEL_EXPORTER_PROMETHEUS_HOST";
const PORT: &str = "OTEL_EXPORTER_PROMETHEUS_PORT";

/// The default address by OpenTelemetry's specification: `127.0.0.1:9464`, reachable only from this machine.
pub const DEFAULT_ADDR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// Returns the address set by `OTEL_EXPORTER_PROMETHEUS_HOST` (a host name or an IP address, default `localhost`) and
/// `OTEL_EXPORTER_PROMETHEUS_PORT` (default 9464; 0 takes any free port).
///
/// A host name is resolved, which may wait for DNS. An IP address and `localhost` need no resolution.
///
/// # Errors
///
/// [`Error::is_config`] if the host can't be resolved, or the port isn't a number from 0 to 65535.
///
/// ```
/// let addr = cachescope_prometheus::address_from_env()?;
/// # let _ = addr;
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
pub fn address_from_env() -> Result<SocketAddr, Error> {
    address_from_lookup(&process_variable)
}

/// As [`address_from_env`], but reads variables through `lookup`.
///
/// # Errors
///
/// As for [`address_from_env`].
///
/// ```
/// let host = |name: &str| (name == "OTEL_EXPORTER_PROMETHEUS_HOST").then(|| "0.0.0.0".to_owned());
/// let addr = cachescope_prometheus::address_from_lookup(&host)?;
/// assert_eq!(addr.to_string(), "0.0.0.0:9464");
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
pub fn address_from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<SocketAddr, Error> {
    let variables = Variables::new(lookup);
    let port = match variables.get(PORT) {
        None => DEFAULT_ADDR.port(),
        Some(value) => value.parse().map_err(|_| ConfigError::new(PORT, "a port from 0 to 65535", &value))?,
    };
    match variables.get(HOST) {
        None => Ok(SocketAddr::new(DEFAULT_ADDR.ip(), port)),
        // The resolver isn't asked: on some machines it returns ::1 first.
        Some(value) if value.eq_ignore_ascii_case("localhost") => Ok(SocketAddr::new(DEFAULT_ADDR.ip(), port)),
        Some(value) => {
            let wrong = || ConfigError::new(HOST, "an IP address or a host name that resolves to one", &value);
            let bare = value.trim_start_matches('[').trim_end_matches(']');
            Ok((bare, port).to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<SocketAddr, Error> {
        address_from_lookup(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn address_comes_from_host_and_port_or_their_defaults() {
        for (variables, expected) in [
            (vec![], "127.0.0.1:9464"),
            (vec![(HOST, ""), (PORT, " ")], "127.0.0.1:9464"),
            (vec![(HOST, "localhost"), (PORT, "0")], "127.0.0.1:0"),
            (vec![(HOST, "0.0.0.0"), (PORT, "65535")], "0.0.0.0:65535"),
            (vec![(HOST, "[::1]")], "[::1]:9464"),
        ] {
            assert_eq!(read(&variables).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn wrong_value_error_names_variable_value_and_rule() {
        for (name, value, accepted) in
            [(PORT, "65536", "0 to 65535"), (PORT, "http", "0 to 65535"), (HOST, "no host", "IP")]
        {
            let error = read(&[(name, value)]).unwrap_err();
            let text = error.to_string();
            assert!(error.is_config());
            assert!(text.contains(name) && text.contains(value) && text.contains(accepted), "{text}");
        }
    }
}
