//! A proxy in front of a server. Its port stays the same over restarts of the server, and it can cut off clients.

use std::io::{ErrorKind, Result as IoResult};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

use crate::connection::Connection;
use crate::ports;

/// The connections that the kernel makes before they are accepted: more than the backlog of any server.
const BACKLOG: i32 = 1024;

/// A proxy, which refuses connections until it is opened.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    listener: Arc<Socket>,
    acceptor: Option<JoinHandle<()>>,
    connections: Arc<Connections>,
}

impl Proxy {
    /// Binds a free port of 127.0.0.1. The proxy keeps the port until it is dropped, also while it refuses connections.
    pub(crate) fn bind() -> Result<Self> {
        let bound = |port| bind(port).map(|listener| (port, listener)).ok();
        let (port, listener) = ports::candidates().find_map(bound).context("no free port on 127.0.0.1")?;
        Ok(Self { port, listener: Arc::new(listener), acceptor: None, connections: Arc::default() })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Accepts connections from now on, for the server at `server`.
    pub(crate) fn open(&mut self, server: SocketAddr) -> Result<()> {
        self.close();
        // The kernel then allows listening again while earlier connections exist.
        self.listener.set_reuse_address(true)?;
        self.listener.listen(BACKLOG).context("the proxy cannot listen")?;
        let (listener, connections) = (self.listener.clone(), self.connections.clone());
        self.acceptor = Some(thread::spawn(move || connections.accept(&listener, server)));
        Ok(())
    }

    /// Refuses connections from now on, and resets the present ones.
    pub(crate) fn close(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            // On Linux, shutting down a listening socket wakes the accepting thread, and the socket can listen again later.
            self.listener.shutdown(Shutdown::Read).ok();
            acceptor.join().ok();
            // No other program may listen on the port meanwhile.
            self.listener.set_reuse_address(false).ok();
        }
        self.reset();
    }

    /// Resets all connections. When this returns, clients that read or write get their error.
    pub(crate) fn reset(&self) {
        self.connections.cut();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

/// Binds without SO_REUSEADDR: with it, another program could listen on the port while the proxy doesn't.
fn bind(port: u16) -> IoResult<Socket> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(listener)
}

/// The present connections. The thread of a connection holds it; when the thread ends, its sockets are closed.
#[derive(Debug, Default)]
struct Connections(Mutex<Vec<(Weak<Connection>, JoinHandle<()>)>>);

impl Connections {
    fn accept(&self, listener: &Socket, server: SocketAddr) {
        loop {
            match listener.accept() {
                Ok((client, _)) => self.run(client.into(), server),
                // The socket doesn't listen any more.
                Err(error) if error.kind() == ErrorKind::InvalidInput => return,
                // The client has gone already, or this process has no file descriptor left for a while.
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

    /// A server that echoes each client's bytes until the client ends.
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
        let mut received = [0; 5];
        client.read_exact(&mut received)?;
        assert_eq!(&received, b"hello");
        Ok(())
    }

    #[test]
    fn bytes_and_the_end_go_both_ways() {
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
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        writing.join().unwrap();
        assert_eq!(received.len(), expected);
    }

    #[test]
    fn reset_ends_a_connection_and_the_next_one_is_new() {
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
    fn client_that_reads_nothing_is_reset_too() {
        let mut proxy = Proxy::bind().unwrap();
        proxy.open(echo()).unwrap();
        let mut client = connect(&proxy).unwrap();
        client.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        // Until all buffers on the way are full.
        while client.write(&[0; 1 << 16]).is_ok() {}
        proxy.reset();
        assert!(std::io::copy(&mut client, &mut std::io::sink()).is_err());
    }

    #[test]
    fn closed_proxy_refuses_keeps_its_port_and_opens_again() {
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
    fn missing_server_is_a_reset_for_the_client() {
        let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut proxy = Proxy::bind().unwrap();
        proxy.open(gone).unwrap();
        let mut client = connect(&proxy).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}
