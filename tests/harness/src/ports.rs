//! The loopback ports of parts.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::part::Part;

/// The ports of all parts, by name. They are chosen before any part starts, so that each part can be configured with
/// the others' addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ports(BTreeMap<String, BTreeMap<String, u16>>);

/// Below the ports that operating systems assign (32768 and up on Linux): no outgoing connection, and no server on an
/// assigned port, takes a chosen port.
const RANGE: Range<u16> = 20_000..32_000;

/// Every port of the range once, from a start that differs between processes.
pub(crate) fn candidates() -> impl Iterator<Item = u16> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_micros());
    let start = usize::try_from(clock).unwrap_or(0) % RANGE.len();
    RANGE.cycle().skip(start).take(RANGE.len())
}

/// Whether the port is free for both connections and datagrams.
fn free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

impl Ports {
    /// Chooses free ports for `parts`. Another process can take a port before the part binds it; the stack then starts
    /// again with other ports.
    pub(crate) fn choose(parts: &[&dyn Part]) -> Result<Self> {
        let mut candidates = candidates();
        let mut chosen = BTreeMap::new();
        for part in parts {
            let ports: &mut BTreeMap<_, _> = chosen.entry(part.name().to_owned()).or_default();
            for name in part.ports() {
                let port = candidates.find(|port| free(*port)).context("no free port on 127.0.0.1")?;
                ports.insert((*name).to_owned(), port);
            }
        }
        Ok(Self(chosen))
    }

    /// Adds or changes a port of `part` that the part doesn't open itself.
    pub(crate) fn set(&mut self, part: &str, name: &str, port: u16) {
        self.0.entry(part.to_owned()).or_default().insert(name.to_owned(), port);
    }

    /// Checks that these have every port of `parts`. Another version of the harness may have written them.
    pub(crate) fn check(&self, parts: &[&dyn Part]) -> Result<()> {
        for part in parts {
            for name in part.ports() {
                let known = self.0.get(part.name()).is_some_and(|ports| ports.contains_key(*name));
                ensure!(known, "no port {name} of {} in the state file: start that stack again", part.name());
            }
        }
        Ok(())
    }

    /// The number of a port.
    ///
    /// # Panics
    /// When the part doesn't declare that port: a mistake in the part, not in the caller.
    pub(crate) fn number(&self, part: &str, name: &str) -> u16 {
        match self.0.get(part).and_then(|ports| ports.get(name)) {
            Some(port) => *port,
            None => panic!("{part} declares no port called {name}"),
        }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self, part: &str, name: &str) -> String {
        format!("127.0.0.1:{}", self.number(part, name))
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self, part: &str, name: &str) -> String {
        format!("http://{}", self.address(part, name))
    }

    /// Name and address of each port of `part`.
    pub(crate) fn of(&self, part: &str) -> Vec<(String, String)> {
        let ports = self.0.get(part).into_iter().flatten();
        ports.map(|(name, port)| (name.clone(), format!("127.0.0.1:{port}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::PARTS;
    use std::collections::BTreeSet;

    #[test]
    fn ports_of_all_parts_differ() {
        let ports = Ports::choose(PARTS).unwrap();
        let numbers: Vec<u16> = ports.0.values().flat_map(|of| of.values().copied()).collect();
        let expected: usize = PARTS.iter().map(|part| part.ports().len()).sum();
        assert_eq!(numbers.len(), expected);
        assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), expected);
        assert!(TcpListener::bind(ports.address("collector", "otlp_http")).is_ok());
    }

    #[test]
    fn each_port_of_the_range_is_tried_once_and_taken_ports_are_skipped() {
        assert_eq!(candidates().collect::<BTreeSet<_>>(), RANGE.collect());
        let port = candidates().find(|port| free(*port)).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!free(port));
        drop(taken);
        let _taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!free(port));
    }

    #[test]
    fn state_without_a_needed_port_is_refused() {
        let error = Ports(BTreeMap::new()).check(PARTS).unwrap_err().to_string();
        assert!(error.contains("of jaeger in the state file"), "{error}");
    }
}
