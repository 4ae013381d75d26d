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

/// Where the page is unless told otherwise: `127.0.0.1:8790`, reachable from this machine only.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8790);

/// How many may be connected at once; more wait for one of them to go. A browser takes up to six.
const CONNECTIONS: usize = 64;
const HEAD_LIMIT: Duration = Duration::from_secs(30);
const HEAD_SIZE: usize = 16 << 10;

/// How long to wait where the system has no file descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// A running page. Dropping it closes the port and all connections.
#[derive(Debug)]
#[must_use = "dropping the server stops it"]
pub struct Server {
    address: SocketAddr,
    /// Its drop is the signal to stop.
    _stop: oneshot::Sender<()>,
}

/// Serves the page at [`DEFAULT_ADDRESS`], on this runtime.
///
/// # Errors
///
/// The port is taken: by another process's page, say. [`Server::bind`] takes another.
pub async fn serve() -> Result<Server, Error> {
    Server::bind(DEFAULT_ADDRESS).await
}

impl Server {
    /// Serves the page at this address, on this runtime; port 0 takes any free one.
    ///
    /// At an address of loopback only what names this machine is answered. At any other, everyone who reaches it sees
    /// the page, by clear HTTP.
    ///
    /// # Errors
    ///
    /// [`Error::is_bind`] if the address is taken, isn't this machine's, or isn't allowed.
    pub async fn bind(address: impl ToSocketAddrs + std::fmt::Debug) -> Result<Self, Error> {
        let named = format!("{address:?}");
        let listener = TcpListener::bind(address).await.map_err(|cause| Error::bind(named.trim_matches('"'), cause))?;
        let address = listener.local_addr().map_err(|cause| Error::bind(named, cause))?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(run(listener, app(address), stopped));
        Ok(Self { address, _stop: stop })
    }

    /// The same on a thread and a runtime of its own: for programs without one, and to see what goes on where theirs
    /// is stuck.
    ///
    /// # Errors
    ///
    /// As for [`Server::bind`], or no thread can be started.
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
                        Err(error) => tracing::warn!(%error, "the page of caches has ended: nothing on {address}"),
                    }
                });
                runtime.shutdown_background();
            })
            .map_err(Error::thread)?;
        Ok(Self { address, _stop: stop })
    }

    /// The address listened on, with the port that was taken when 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn app(address: SocketAddr) -> Router {
    if address.ip().is_loopback() {
        return router().layer(from_fn(headers::only_this_machine));
    }
    tracing::warn!(%address, "the page of caches is open to everyone who reaches this address");
    router()
}

async fn run(listener: TcpListener, app: Router, stopped: oneshot::Receiver<()>) {
    // Dropped with the set, as a stream of events would never end.
    let mut connections = JoinSet::new();
    // Only the drop of the server is waited for, so either way of ending is its signal.
    select(pin!(accept(&listener, app, &mut connections)), stopped).await;
}

async fn accept(listener: &TcpListener, app: Router, connections: &mut JoinSet<()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // It is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let app = app.clone();
                connections.spawn(async move {
                    answer(stream, app).await;
                    drop(place);
                });
            }
            Err(_) => sleep(BREATH).await,
        }
    }
}

/// What goes wrong on the way is the viewer's to notice.
async fn answer(stream: TcpStream, app: Router) {
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_header_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await;
}
