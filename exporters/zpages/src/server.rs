//! The page's own server.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use futures_util::future::select;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{Error, headers, router};

/// The default address of the page: `127.0.0.1:8790`, reachable only from this machine.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8790);

/// The largest number of connections; further ones wait for one of them to close. A browser opens up to six.
const MAX_CONNECTIONS: usize = 64;
const HEAD_LIMIT: Duration = Duration::from_secs(30);
const HEAD_SIZE: usize = 16 << 10;

/// The pause after a failed accept, for example when the system is out of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A running server of the page. Dropping it closes the port and all connections.
#[derive(Debug)]
#[must_use = "dropping the server stops it"]
pub struct Server {
    address: SocketAddr,
    /// Signals the stop when it is dropped.
    _stop: oneshot::Sender<()>,
}

/// Serves the page at [`DEFAULT_ADDRESS`], on the current tokio runtime.
///
/// # Errors
///
/// [`Error::is_bind`] if the port is taken, for example by another process's page. Use [`Server::bind`] for another
/// port.
pub async fn serve() -> Result<Server, Error> {
    Server::bind(DEFAULT_ADDRESS).await
}

impl Server {
    /// Serves the page at this address, on the current tokio runtime. Port 0 takes any free port.
    ///
    /// At a loopback address, only requests for a host name of this machine are answered. At any other address,
    /// everyone who can reach it sees the page, over unencrypted HTTP.
    ///
    /// # Errors
    ///
    /// [`Error::is_bind`] if the address is taken, belongs to another machine, or isn't permitted.
    pub async fn bind(address: impl ToSocketAddrs + std::fmt::Debug) -> Result<Self, Error> {
        let requested = format!("{address:?}");
        let listener =
            TcpListener::bind(address).await.map_err(|cause| Error::bind(requested.trim_matches('"'), cause))?;
        let address = listener.local_addr().map_err(|cause| Error::bind(requested, cause))?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(run(listener, app(address), stopped));
        Ok(Self { address, _stop: stop })
    }

    /// Serves the page on a dedicated thread with its own runtime: for programs without a runtime, and to inspect a
    /// program whose runtime is blocked.
    ///
    /// # Errors
    ///
    /// As for [`Server::bind`], and if no thread can be started.
    pub fn on_thread(address: SocketAddr) -> Result<Self, Error> {
        let bind = |cause| Error::bind(address, cause);
        let listener = std::net::TcpListener::bind(address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::thread)?;
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("cachescope-zpages".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    match TcpListener::from_std(listener) {
                        Ok(listener) => run(listener, app(address), stopped).await,
                        Err(error) => tracing::warn!(%error, "the cache page stopped: nothing is served on {address}"),
                    }
                });
                runtime.shutdown_background();
            })
            .map_err(Error::thread)?;
        Ok(Self { address, _stop: stop })
    }

    /// Returns the address that the server listens on, with the actual port if port 0 was requested.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn app(address: SocketAddr) -> Router {
    if address.ip().is_loopback() {
        return router().layer(from_fn(headers::only_this_machine));
    }
    tracing::warn!(%address, "the cache page listens on a non-loopback address: everyone who can reach it sees the caches");
    router()
}

async fn run(listener: TcpListener, app: Router, stopped: oneshot::Receiver<()>) {
    // Dropping the set closes the connections: a stream of events would not end by itself.
    let mut connections = JoinSet::new();
    // `stopped` completes when the server is dropped: its sender sends nothing.
    select(pin!(accept(&listener, app, &mut connections)), stopped).await;
}

async fn accept(listener: &TcpListener, app: Router, connections: &mut JoinSet<()>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let app = app.clone();
                connections.spawn(async move {
                    answer(stream, app).await;
                    drop(permit);
                });
            }
            Err(_) => sleep(ACCEPT_RETRY_DELAY).await,
        }
    }
}

/// Serves one connection. Errors of the connection are ignored: the viewer notices them.
async fn answer(stream: TcpStream, app: Router) {
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_header_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await;
}
