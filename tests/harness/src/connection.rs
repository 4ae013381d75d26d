//! A client's connection through the proxy.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// The interval in which a connection that can't write checks whether it was cut.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Connection {
    client: TcpStream,
    server: OnceLock<TcpStream>,
    cut: AtomicBool,
}

impl Connection {
    pub(crate) fn new(client: TcpStream) -> Self {
        Self { client, server: OnceLock::new(), cut: AtomicBool::new(false) }
    }

    /// Carries bytes both ways until both sides are done or the connection is cut.
    pub(crate) fn run(&self, server: SocketAddr) {
        let Some(server) = self.connect(server) else { return self.cut() };
        for side in [&self.client, server] {
            side.set_nodelay(true).ok();
            side.set_write_timeout(Some(LOOK)).ok();
        }
        thread::scope(|scope| {
            scope.spawn(|| self.carry(&self.client, server));
            self.carry(server, &self.client);
        });
    }

    /// Ends it with a reset: a read or write on the client's side is an error, not an orderly end.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        // With that option set, a socket sends "reset" once its last handle is closed. Until then it must not send "end".
        // So only its reading side is shut down, which the peer doesn't see and which wakes our reader.
        SockRef::from(&self.client).set_linger(Some(Duration::ZERO)).ok();
        self.client.shutdown(Shutdown::Read).ok();
        if let Some(server) = self.server.get() {
            server.shutdown(Shutdown::Both).ok();
        }
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// The kernel makes the connections of a paused server until its backlog is full. Then connecting blocks.
    fn connect(&self, server: SocketAddr) -> Option<&TcpStream> {
        loop {
            match TcpStream::connect_timeout(&server, LOOK) {
                Ok(stream) => {
                    let stream = self.server.get_or_init(|| stream);
                    // A cut before now could not shut this socket down.
                    return (!self.is_cut()).then_some(stream);
                }
                Err(error) if error.kind() == ErrorKind::TimedOut && !self.is_cut() => {}
                Err(_) => return None,
            }
        }
    }

    fn carry(&self, mut from: &TcpStream, to: &TcpStream) {
        let mut buffer = [0; 16 << 10];
        loop {
            match from.read(&mut buffer) {
                Ok(0) if self.is_cut() => return,
                // The other direction may continue.
                Ok(0) => return drop(to.shutdown(Shutdown::Write)),
                Ok(read) if self.write(to, &buffer[..read]) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return self.cut(),
            }
        }
    }

    /// Whether all of it was written.
    fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut if !self.is_cut() => {}
                    _ => return false,
                },
            }
        }
        true
    }
}
