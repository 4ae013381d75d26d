//! Connections to the master that sentinels report.

use std::io;
use std::sync::Arc;

use futures_util::FutureExt;
use redis::sentinel::SentinelClient;
use redis::{Client, RedisResult};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::invalidations::PubSubConnector;
use crate::reconnecting::{CONNECT_TIMEOUT, Connector, client, config};

/// Queries the sentinels for the master before each connection.
#[derive(Clone)]
pub(crate) struct Sentinels(Arc<Mutex<SentinelClient>>);

impl Sentinels {
    pub(crate) fn new(client: SentinelClient) -> Self {
        Self(Arc::new(Mutex::new(client)))
    }

    /// Returns a client for the current master.
    async fn master(&self) -> RedisResult<Client> {
        // Without a time limit, sentinels that don't reply would block the lock forever.
        timeout(CONNECT_TIMEOUT, async { self.0.lock().await.async_get_client().await })
            .await
            .unwrap_or_else(|elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, elapsed).into()))
            .and_then(|master| client(master.get_connection_info().clone()))
    }

    pub(crate) fn connect(&self) -> Connector {
        let sentinels = self.clone();
        Box::new(move || {
            let sentinels = sentinels.clone();
            async move { sentinels.master().await?.get_multiplexed_async_connection_with_config(&config()).await }
                .boxed()
        })
    }

    pub(crate) fn listen(&self) -> PubSubConnector {
        let sentinels = self.clone();
        Arc::new(move || {
            let sentinels = sentinels.clone();
            async move { sentinels.master().await?.get_async_pubsub().await }.boxed()
        })
    }
}
