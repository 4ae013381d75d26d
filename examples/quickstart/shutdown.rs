//! Waiting for the end of a run.

use std::io;
use std::time::Duration;

/// Returns after `run_for`, on Ctrl-C or on SIGTERM.
pub(crate) async fn shutdown(run_for: Option<Duration>) -> io::Result<()> {
    let time_is_up = async {
        match run_for {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time_is_up => Ok(()),
        result = tokio::signal::ctrl_c() => result,
        result = terminate() => result,
    }
}

#[cfg(unix)]
async fn terminate() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminate() -> io::Result<()> {
    std::future::pending().await
}
