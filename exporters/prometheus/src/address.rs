use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

use crate::Error;

const HOST: &str = "OTEL_EXPORTER_PROMETHEUS_HOST";
const PORT: &str = "OTEL_EXPORTER_PROMETHEUS_PORT";

/// Where the specification has a Prometheus exporter listen: `127.0.0.1:9464`, reachable from this machine only.
pub const DEFAULT_ADDR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// The address that `OTEL_EXPORTER_PROMETHEUS_HOST` (a name or an IP, `localhost`) and
/// `OTEL_EXPORTER_PROMETHEUS_PORT` (0 for any free one, 9464) ask for.
///
/// Resolves a host name, which may wait for DNS; an IP and `localhost` don't.
///
/// # Errors
///
/// The host has no address, or the port is no number up to 65535.
///
/// ```
/// let addr = cachescope_prometheus::address_from_env()?;
/// # let _ = addr;
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
pub fn address_from_env() -> Result<SocketAddr, Error> {
    address_from_lookup(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

/// As [`address_from_env`], reading variables through `lookup`.
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
    let set = |name| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let port = match set(PORT) {
        None => DEFAULT_ADDR.port(),
        Some(value) => value.parse().map_err(|_| Error::variable(PORT, &value, "a port, 0 to 65535"))?,
    };
    match set(HOST) {
        None => Ok(SocketAddr::new(DEFAULT_ADDR.ip(), port)),
        // Not asked of the resolver, which on some machines puts ::1 first.
        Some(value) if value.eq_ignore_ascii_case("localhost") => Ok(SocketAddr::new(DEFAULT_ADDR.ip(), port)),
        Some(value) => {
            let wrong = || Error::variable(HOST, &value, "an IP address or a host name that resolves to one");
            let bare = value.trim_start_matches('[').trim_end_matches(']');
            (bare, port).to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)
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
    fn every_value_gives_an_address() {
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
    fn wrong_values_name_variable_value_and_what_is_accepted() {
        for (name, value, accepted) in
            [(PORT, "65536", "0 to 65535"), (PORT, "http", "0 to 65535"), (HOST, "no host", "IP")]
        {
            let error = read(&[(name, value)]).unwrap_err();
            let text = error.to_string();
            assert!(error.is_variable());
            assert!(text.contains(name) && text.contains(value) && text.contains(accepted), "{text}");
        }
    }
}
