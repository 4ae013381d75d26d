//! Invalidations by publish and subscribe.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{Invalidation, InvalidationStream, Scope, StoreError, StoreErrorKind, StoreFuture};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use redis::aio::{PubSub, PubSubSink, PubSubStream};
use redis::{Client, RedisResult, Value};
use tokio::time::timeout;

use crate::error::store_error;
use crate::key_names::channel_name;
use crate::reconnecting::CONNECT_TIMEOUT;

/// The time without a message after which the connection is checked with a `PING`. A connection may be lost without an
/// error.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// The longest wait for the reply to a `PING`.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a new connection for a subscription.
pub(crate) type PubSubConnector = Arc<dyn Fn() -> BoxFuture<'static, RedisResult<PubSub>> + Send + Sync>;

/// Returns a connector to a fixed server.
pub(crate) fn listen_to(client: Client) -> PubSubConnector {
    Arc::new(move || {
        let client = client.clone();
        async move { client.get_async_pubsub().await }.boxed()
    })
}

/// Subscribes to the invalidations of a scope. None is missed after this returns. The client itself sets no time limit
/// for these connections.
pub(crate) async fn listen(
    connect: &PubSubConnector,
    scope: &Scope,
) -> Result<Box<dyn InvalidationStream>, StoreError> {
    let subscribed = async {
        let mut connection = connect().await?;
        connection.subscribe(channel_name(scope)).await?;
        Ok(connection)
    };
    let connection = timeout(CONNECT_TIMEOUT, subscribed)
        .await
        .map_err(|elapsed| StoreError::new(StoreErrorKind::Timeout, elapsed))?
        .map_err(store_error)?;
    let (sink, stream) = connection.split();
    Ok(Box::new(Subscription { sink, stream }))
}

/// The messages of a connection. Dropping the stream closes the connection.
struct Subscription {
    sink: PubSubSink,
    stream: PubSubStream,
}

impl InvalidationStream for Subscription {
    /// Cancel-safe: messages that arrive meanwhile wait in the stream.
    fn next(&mut self) -> StoreFuture<'_, Invalidation> {
        Box::pin(async {
            loop {
                match timeout(PING_INTERVAL, self.stream.next()).await {
                    Ok(Some(message)) => {
                        // cachescope never sends a message that isn't text.
                        if let Ok(text) = str::from_utf8(message.get_payload_bytes()) {
                            return Ok(Invalidation::from_text(text));
                        }
                    }
                    Ok(None) => return Err(StoreErrorKind::Unreachable.into()),
                    Err(_) => match timeout(PING_TIMEOUT, self.sink.ping::<Value>()).await {
                        Ok(pong) => drop(pong.map_err(store_error)?),
                        Err(elapsed) => return Err(StoreError::new(StoreErrorKind::Timeout, elapsed)),
                    },
                }
            }
        })
    }
}
