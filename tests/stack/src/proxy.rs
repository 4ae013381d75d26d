//! A proxy in front of a server, whose port stays the same whatever happens to the server, and which can cut its clients
//! off.

use std::io::{ErrorKind, Result as IoResult};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

use crate::connection::Connection;
use crate::ports;

/// How many connections the kernel makes before they are accepted: more than any server's own number.
const BACKLOG: i32 = 1024;

/// Refuses connections until it is opened.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    listener: Arc<Socket>,
    acceptor: Option<JoinHandle<()>>,
    connections: Arc<Connections>,
}

impl Proxy {
    /// On a free port of 127.0.0.1, which is this proxy's until it is dropped, also while it refuses connections.
    pub(crate) fn bind() -> Result<Self> {
        let bound = |port| bind(port).map(|listener| (port, listener)).ok();
        let (port, listener) = ports::candidates().find_map(bound).context("no free port on 127.0.0.1")?;
        Ok(Self { port, listener: Arc::new(listener), acceptor: None, connections: Arc::default() })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Takes connections from now on, for the server at `server`.
    pub(crate) fn open(&mut self, server: SocketAddr) -> Result<()> {
        self.close();
        // For the kernel to allow listening again while connections of earlier still are there.
        self.listener.set_reuse_address(true)?;
        self.listener.listen(BACKLOG).context("the proxy cannot listen")?;
        let (listener, connections) = (self.listener.clone(), self.connections.clone());
        self.acceptor = Some(thread::spawn(move || connections.accept(&listener, server)));
        Ok(())
    }

    /// Refuses connections from now on and resets those there are.
    pub(crate) fn close(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            // On Linux a listening socket that is shut down wakes who accepts, and can listen again later.
            self.listener.shutdown(Shutdown::Read).ok();
            acceptor.join().ok();
            // Nobody else may listen on our port meanwhile.
            self.listener.set_reuse_address(false).ok();
        }
        self.reset();
    }

    /// Resets all connections; when this returns, their clients know.
    pub(crate) fn reset(&self) {
        self.connections.cut();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

/// Without the option to share it: with that, another could listen on a port on which we do not listen right now.
fn bind(port: u16) -> IoResult<Socket> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(listener)
}

/// Those there are, each held by the thread that runs it: when that is through, its sockets are closed.
#[derive(Debug, Default)]
struct Connections(Mutex<Vec<(Weak<Connection>, JoinHandle<()>)>>);

impl Connections {
    fn accept(&self, listener: &Socket, server: SocketAddr) {
        loop {
            match listener.accept() {
                Ok((client, _)) => self.run(client.into(), server),
                // It does not listen any more.
                Err(error) if error.kind() == ErrorKind::InvalidInput => return,
                // A client that thought better of it, or no file left to open for a while.
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn run(&self, client: TcpStream, server: SocketAddr) {
        let connection = Arc::new(Connection::new(client));
        let known = Arc::downgrade(&connection);
        let thread = thread::spawn(move || connection.run(server));
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|(_, thread)| !thread.is_finished());
        connections.push((known, thread));
    }

    fn cut(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in all.iter().filter_map(|(connection, _)| connection.upgrade()) {
            connection.cut();
        }
        for (_, thread) in all {
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A server that says back what it hears, to each client until it has heard the end.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                thread::spawn(move || std::io::copy(&mut client.try_clone().unwrap(), &mut client));
            }
        });
        address
    }

    fn connect(proxy: &Proxy) -> IoResult<TcpStream> {
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()))?;
        client.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(client)
    }

    fn echoes(mut client: &TcpStream) -> IoResult<()> {
        client.write_all(b"hello")?;
        let mut heard = [0; 5];
        client.read_exact(&mut heard)?;
        assert_eq!(&heard, b"hello");
        Ok(())
    }

    #[test]
    fn bytes_go_both_ways_and_so_does_the_end() {
        let mut proxy = Proxy::bind().unwrap();
        proxy.open(echo()).unwrap();
        let mut client = connect(&proxy).unwrap();
        echoes(&client).unwrap();
        let sent = vec![7; 3 << 20];
        let (mut writer, expected) = (client.try_clone().unwrap(), sent.len());
        let writing = thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        writing.join().unwrap();
        assert_eq!(heard.len(), expected);
    }

    #[test]
    fn a_reset_is_one_and_the_next_connection_is_a_new_one() {
        let mut proxy = Proxy::bind().unwrap();
        proxy.open(echo()).unwrap();
        let clients: Vec<TcpStream> = (0..5).map(|_| connect(&proxy).unwrap()).collect();
        clients.iter().for_each(|client| echoes(client).unwrap());
        proxy.reset();
        for mut client in &clients {
            assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
        echoes(&connect(&proxy).unwrap()).unwrap();
    }

    #[test]
    fn a_client_that_takes_nothing_is_reset_too() {
        let mut proxy = Proxy::bind().unwrap();
        proxy.open(echo()).unwrap();
        let mut client = connect(&proxy).unwrap();
        client.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        // Until nobody on the way takes any more.
        while client.write(&[0; 1 << 16]).is_ok() {}
        proxy.reset();
        assert!(std::io::copy(&mut client, &mut std::io::sink()).is_err());
    }

    #[test]
    fn a_closed_proxy_refuses_keeps_its_port_and_opens_again() {
        let mut proxy = Proxy::bind().unwrap();
        let refused = |proxy: &Proxy| connect(proxy).unwrap_err().kind() == ErrorKind::ConnectionRefused;
        assert!(refused(&proxy));
        let server = echo();
        for _ in 0..3 {
            proxy.open(server).unwrap();
            let mut client = connect(&proxy).unwrap();
            echoes(&client).unwrap();
            proxy.close();
            assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert!(refused(&proxy));
            assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, proxy.port())).is_err(), "anybody can have its port");
        }
    }

    #[test]
    fn a_server_that_is_gone_shows_as_a_reset() {
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut proxy = Proxy::bind().unwrap();
        proxy.open(gone).unwrap();
        let mut client = connect(&proxy).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}
