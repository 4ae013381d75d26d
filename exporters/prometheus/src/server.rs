use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Error;

/// How long a stopped server lets scrapes finish before it drops them.
const GRACE: Duration = Duration::from_secs(1);

/// A running metrics server. Dropping it closes the port and lets scrapes under way finish, for up to one second,
/// without waiting for them.
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

pub(crate) async fn on_current_runtime(app: Router, addr: SocketAddr) -> Result<Server, Error> {
    let listener = TcpListener::bind(addr).await.map_err(|cause| Error::bind(addr, cause))?;
    let addr = listener.local_addr().map_err(|cause| Error::bind(addr, cause))?;
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(run(listener, app, stopped));
    Ok(Server { addr, _stop: stop })
}

pub(crate) fn on_own_thread(app: Router, addr: SocketAddr) -> Result<Server, Error> {
    let listener = std::net::TcpListener::bind(addr).map_err(|cause| Error::bind(addr, cause))?;
    listener.set_nonblocking(true).map_err(|cause| Error::bind(addr, cause))?;
    let addr = listener.local_addr().map_err(|cause| Error::bind(addr, cause))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .thread_name("cachescope-prometheus")
        .enable_all()
        .build()
        .map_err(Error::thread)?;
    let (stop, stopped) = oneshot::channel();
    std::thread::Builder::new()
        .name("cachescope-prometheus".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => run(listener, app, stopped).await,
                    Err(error) => tracing::warn!(%error, "the Prometheus server has ended: no metrics on {addr}"),
                }
            });
            // A plain drop would wait for a render that hangs in a callback.
            runtime.shutdown_background();
        })
        .map_err(Error::thread)?;
    Ok(Server { addr, _stop: stop })
}

async fn run(listener: TcpListener, app: Router, stopped: oneshot::Receiver<()>) {
    let (stopping, stops) = oneshot::channel::<()>();
    let serve = axum::serve(listener, app).with_graceful_shutdown(async move {
        let _ = stopped.await;
        drop(stopping);
    });
    let late = async move {
        let _ = stops.await;
        tokio::time::sleep(GRACE).await;
    };
    let mut serve = std::pin::pin!(std::future::IntoFuture::into_future(serve));
    let mut late = std::pin::pin!(late);
    // The first of the two ends it; polled by hand to do without tokio's macros.
    std::future::poll_fn(|cx| {
        if serve.as_mut().poll(cx).is_ready() { std::task::Poll::Ready(()) } else { late.as_mut().poll(cx) }
    })
    .await;
}
