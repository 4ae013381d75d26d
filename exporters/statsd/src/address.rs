use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use cachescope_exporter::ConfigError;

use crate::Error;

const RULE: &str = "HOST:PORT for UDP, or unix:///PATH for a datagram socket";

/// The address of a StatsD server. Default: `127.0.0.1:8125`.
///
/// ```
/// use cachescope_statsd::Address;
///
/// let agent: Address = "unix:///var/run/datadog/dsd.socket".parse()?;
/// assert_eq!(agent, Address::Unix("/var/run/datadog/dsd.socket".into()));
/// assert_eq!(Address::default().to_string(), "127.0.0.1:8125");
/// # Ok::<(), cachescope_statsd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// An address for UDP.
    Udp {
        /// A host name or an IP address. A name is resolved once, when the exporter is built.
        host: String,
        /// The port, usually 8125.
        port: u16,
    },
    /// The path of a Unix datagram socket. The socket may be created later.
    Unix(PathBuf),
}

/// A resolved address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Udp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Resolves a host name. `localhost` isn't resolved, because some machines return `::1` first, where few servers listen.
    pub(crate) fn resolve(&self) -> Result<Target, Error> {
        match self {
            Self::Unix(path) => Ok(Target::Unix(path.clone())),
            Self::Udp { host, port } if host.eq_ignore_ascii_case("localhost") => {
                Ok(Target::Udp((Ipv4Addr::LOCALHOST, *port).into()))
            }
            Self::Udp { host, port } => {
                let mut found =
                    (host.as_str(), *port).to_socket_addrs().map_err(|cause| Error::resolve(host, Some(cause)))?;
                found.next().map(Target::Udp).ok_or_else(|| Error::resolve(host, None))
            }
        }
    }
}

impl Target {
    /// Returns the limit for a datagram in bytes: for UDP an Ethernet frame less the options that some networks add, for a
    /// Unix socket the size of the servers' buffers.
    pub(crate) const fn datagram_size(&self) -> usize {
        match self {
            Self::Udp(_) => 1432,
            Self::Unix(_) => 8192,
        }
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::Udp { host: Ipv4Addr::LOCALHOST.to_string(), port: 8125 }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::from(ConfigError::new("the StatsD address", RULE, text));
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.len() > 1 && path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(wrong()) };
        }
        let (host, port) = text.strip_prefix("udp://").unwrap_or(text).rsplit_once(':').ok_or_else(wrong)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(bare) => bare,
            // An IPv6 address whose last group would be taken for the port.
            None if host.contains(':') => return Err(wrong()),
            None => host,
        };
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        if host.is_empty() || host.contains(|c: char| c == '/' || c.is_whitespace()) {
            return Err(wrong());
        }
        Ok(Self::Udp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Udp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_parsed_and_displayed_in_every_form() {
        for (text, written) in [
            ("127.0.0.1:8125", "127.0.0.1:8125"),
            ("udp://statsd.internal:9125", "statsd.internal:9125"),
            ("[::1]:8125", "[::1]:8125"),
            ("unix:///run/statsd.sock", "unix:///run/statsd.sock"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(written.parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn invalid_address_is_refused_with_the_rule() {
        for text in
            ["", "localhost", "host:", ":8125", "host:0", "host:65536", "::1:8125", "unix://", "unix:///", "http://h:1"]
        {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.is_config() && error.to_string().contains("HOST:PORT"), "{text}: {error}");
        }
    }

    #[test]
    fn host_name_that_does_not_resolve_is_an_error() {
        let resolved = |text: &str| text.parse::<Address>().unwrap().resolve();
        assert_eq!(resolved("localhost:1").unwrap(), Target::Udp(([127, 0, 0, 1], 1).into()));
        assert_eq!(resolved("[::1]:2").unwrap(), Target::Udp("[::1]:2".parse().unwrap()));
        // A name that never resolves, by the standard.
        let error = resolved("statsd.invalid:8125").unwrap_err();
        assert!(error.is_resolve() && error.to_string().contains("statsd.invalid"), "{error}");
    }
}
