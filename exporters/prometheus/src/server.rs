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

use crate::connection::Host;
use crate::{Endpoint, Error};

/// How long a stopped server lets scrapes finish before it drops them.
const GRACE: Duration = Duration::from_secs(1);

/// How many may be connected at once; more wait for one of them to go. Each may hold a page of its own.
const CONNECTIONS: usize = 16;

/// How long to wait where the system has no file descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// A running metrics server. Dropping it closes the port and lets scrapes under way finish, for up to one second,
/// without waiting for them.
///
/// A connection is for one scrape and is cut after a minute, a request's head after five seconds; 16 are served at a
/// time, so slow or idle scrapers hold neither memory nor others for longer. A head of more than 16 KiB is refused
/// (431).
#[derive(Debug)]
#[must_use = "dropping the server stops it"]
pub struct Server {
    addr: SocketAddr,
    /// Its drop is the signal to stop.
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// The address listened on, with the port that was taken when 0 was asked for.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

pub(crate) async fn on_current_runtime(app: Router, endpoint: Endpoint) -> Result<Server, Error> {
    let addr = endpoint.addr;
    let listener = TcpListener::bind(addr).await.map_err(|cause| Error::bind(addr, cause))?;
    let addr = listener.local_addr().map_err(|cause| Error::bind(addr, cause))?;
    warn_of_clear_text(&endpoint);
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(run(listener, Host::new(app, endpoint), stopped));
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
    warn_of_clear_text(&endpoint);
    let (stop, stopped) = oneshot::channel();
    std::thread::Builder::new()
        .name("cachescope-prometheus".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => run(listener, Host::new(app, endpoint), stopped).await,
                    Err(error) => tracing::warn!(%error, "the Prometheus server has ended: no metrics on {addr}"),
                }
            });
            // A plain drop would wait for a render that hangs in a callback.
            runtime.shutdown_background();
        })
        .map_err(Error::thread)?;
    Ok(Server { addr, _stop: stop })
}

fn warn_of_clear_text(endpoint: &Endpoint) {
    if endpoint.sends_password_in_clear() {
        tracing::warn!(
            addr = %endpoint.addr,
            "the password for Prometheus goes over the network in clear: serve it by TLS, or on loopback",
        );
    }
}

async fn run(listener: TcpListener, host: Host, stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    // Only the drop of the server is waited for, so either way of ending is its signal.
    select(pin!(accept(&listener, host, &mut connections)), stopped).await;
    drop(listener);
    // Whoever isn't done by then is dropped with the set.
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}

async fn accept(listener: &TcpListener, host: Host, connections: &mut JoinSet<()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // It is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let host = host.clone();
                connections.spawn(async move {
                    host.serve(stream).await;
                    drop(place);
                });
            }
            // The client's own doing, and over.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                ) => {}
            Err(_) => sleep(BREATH).await,
        }
    }
}
