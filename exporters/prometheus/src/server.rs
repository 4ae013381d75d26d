//! The metrics server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::select;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connection::ScrapeHandler;
use crate::{Endpoint, Error};

/// The time that running scrapes get to finish when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// The largest number of connections; further ones wait for one of them to close. Each may hold a page in memory.
const MAX_CONNECTIONS: usize = 16;

/// The pause after a failed accept, for example when the system is out of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A running metrics server. Dropping it closes the port and lets running scrapes finish within one second, without
/// waiting for them.
///
/// Each connection serves one scrape. A connection is closed after a minute, and a request whose head takes longer than
/// five seconds is closed too. At most 16 connections are served at a time, so slow or idle scrapers can't take more
/// memory, nor block others for longer. A request head above 16 KiB is refused with status 431.
#[derive(Debug)]
#[must_use = "dropping the server stops it"]
pub struct Server {
    addr: SocketAddr,
    /// Signals the stop when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Returns the address that the server listens on, with the actual port if port 0 was requested.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

pub(crate) async fn on_current_runtime(app: Router, endpoint: Endpoint) -> Result<Server, Error> {
    let addr = endpoint.addr;
    let listener = TcpListener::bind(addr).await.map_err(|cause| Error::bind(addr, cause))?;
    let addr = listener.local_addr().map_err(|cause| Error::bind(addr, cause))?;
    warn_about_unencrypted_password(&endpoint);
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(run(listener, ScrapeHandler::new(app, endpoint), stopped));
    Ok(Server { addr, _stop: stop })
}

pub(crate) fn on_own_thread(app: Router, endpoint: Endpoint) -> Result<Server, Error> {
    let addr = endpoint.addr;
    let listener = std::net::TcpListener::bind(addr).map_err(|cause| Error::bind(addr, cause))?;
    listener.set_nonblocking(true).map_err(|cause| Error::bind(addr, cause))?;
    let addr = listener.local_addr().map_err(|cause| Error::bind(addr, cause))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .thread_name("cachescope-prometheus")
        .enable_all()
        .build()
        .map_err(Error::thread)?;
    warn_about_unencrypted_password(&endpoint);
    let (stop, stopped) = oneshot::channel();
    std::thread::Builder::new()
        .name("cachescope-prometheus".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => run(listener, ScrapeHandler::new(app, endpoint), stopped).await,
                    Err(error) => {
                        tracing::warn!(%error, "the Prometheus server stopped: no metrics are served on {addr}")
                    }
                }
            });
            // A plain drop of the runtime would wait for a render that hangs in a callback.
            runtime.shutdown_background();
        })
        .map_err(Error::thread)?;
    Ok(Server { addr, _stop: stop })
}

fn warn_about_unencrypted_password(endpoint: &Endpoint) {
    if endpoint.sends_password_unencrypted() {
        tracing::warn!(
            addr = %endpoint.addr,
            "the password for Prometheus crosses the network unencrypted: serve over TLS, or on a loopback address",
        );
    }
}

async fn run(listener: TcpListener, host: ScrapeHandler, stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    // `stopped` completes when the server is dropped: its sender sends nothing.
    select(pin!(accept(&listener, host, &mut connections)), stopped).await;
    drop(listener);
    // Scrapes that take longer are dropped with the set.
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}

async fn accept(listener: &TcpListener, host: ScrapeHandler, connections: &mut JoinSet<()>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let host = host.clone();
                connections.spawn(async move {
                    host.serve(stream).await;
                    drop(permit);
                });
            }
            // The client closed the connection.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                ) => {}
            Err(_) => sleep(ACCEPT_RETRY_DELAY).await,
        }
    }
}
