use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
#[cfg(unix)]
use std::os::unix::net::UnixDatagram;

use crate::address::Target;

/// A datagram socket, connected and non-blocking.
///
/// The sinks of `cadence` aren't used, because their sockets aren't connected and so don't report refusals. After an error
/// their buffers keep lines that weren't sent, so losses can't be counted.
#[derive(Debug)]
pub(crate) enum Socket {
    Udp(UdpSocket),
    #[cfg(unix)]
    Unix(UnixDatagram),
}

impl Socket {
    /// Connects to the server. Over UDP, this sends nothing. A Unix socket must exist.
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        match target {
            Target::Udp(server) => {
                let any: SocketAddr = match server {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(server)?;
                socket.set_nonblocking(true)?;
                Ok(Self::Udp(socket))
            }
            #[cfg(unix)]
            Target::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_nonblocking(true)?;
                Ok(Self::Unix(socket))
            }
            #[cfg(not(unix))]
            Target::Unix(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Returns the refusal of an earlier datagram that arrived since the last call.
    pub(crate) fn refusal(&self) -> Option<io::Error> {
        match self {
            Self::Udp(socket) => socket.take_error().ok().flatten(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Sends a datagram without blocking.
    ///
    /// A closed port of this machine is an error at once. The refusal of a remote port arrives later, and is an error of a
    /// later datagram.
    pub(crate) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => {
                let sent = match socket.send(datagram) {
                    // The refusal of an earlier datagram. This one wasn't sent, and a server may listen by now.
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => socket.send(datagram),
                    sent => sent,
                };
                sent?;
                self.refusal().map_or(Ok(()), Err)
            }
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(datagram).map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_local_port_is_an_error_of_the_datagram_itself() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = Target::Udp(server.local_addr().unwrap());
        let socket = Socket::connect(&target).unwrap();
        socket.send(b"a").unwrap();
        drop(server);
        for _ in 0..3 {
            assert_eq!(socket.send(b"b").unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
        let Target::Udp(address) = target else { panic!("{target:?}") };
        let server = UdpSocket::bind(address).unwrap();
        socket.send(b"c").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(server.recv(&mut buffer).unwrap(), 1);
        assert_eq!(buffer[0], b'c');
    }

    #[cfg(unix)]
    #[test]
    fn full_unix_socket_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statsd.sock");
        let target = Target::Unix(path.clone());
        assert_eq!(Socket::connect(&target).unwrap_err().kind(), ErrorKind::NotFound);
        let _server = UnixDatagram::bind(&path).unwrap();
        let socket = Socket::connect(&target).unwrap();
        let refused = (0..1_000_000).find_map(|_| socket.send(&[b'x'; 8192]).err());
        assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::WouldBlock));
    }
}
