//! When a run ends.

use std::io;
use std::time::Duration;

/// Returns when the time is up, or when the user or the system asks for the end.
pub(crate) async fn end(run_for: Option<Duration>) -> io::Result<()> {
    let time_is_up = async {
        match run_for {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time_is_up => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed,
        asked = terminate() => asked,
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
