//! A master that sentinels name.

use std::io;
use std::sync::Arc;

use futures_util::FutureExt;
use redis::sentinel::SentinelClient;
use redis::{Client, RedisResult};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::listening::Listen;
use crate::reconnecting::{CONNECT, Connect, client, config};

/// Asks the sentinels for the master each time.
#[derive(Clone)]
pub(crate) struct Sentinels(Arc<Mutex<SentinelClient>>);

impl Sentinels {
    pub(crate) fn new(client: SentinelClient) -> Self {
        Self(Arc::new(Mutex::new(client)))
    }

    /// A client for who is master now.
    async fn master(&self) -> RedisResult<Client> {
        // Sentinels that don't answer must not keep the next one from asking for ever.
        timeout(CONNECT, async { self.0.lock().await.async_get_client().await })
            .await
            .unwrap_or_else(|elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, elapsed).into()))
            .and_then(|master| client(master.get_connection_info().clone()))
    }

    pub(crate) fn connect(&self) -> Connect {
        let sentinels = self.clone();
        Box::new(move || {
            let sentinels = sentinels.clone();
            async move { sentinels.master().await?.get_multiplexed_async_connection_with_config(&config()).await }
                .boxed()
        })
    }

    pub(crate) fn listen(&self) -> Listen {
        let sentinels = self.clone();
        Arc::new(move || {
            let sentinels = sentinels.clone();
            async move { sentinels.master().await?.get_async_pubsub().await }.boxed()
        })
    }
}
