//! Notices by publish and subscribe.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::shared::{Notice, Notices, Scope, StoreError, StoreErrorKind, StoreFuture};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use redis::aio::{PubSub, PubSubSink, PubSubStream};
use redis::{Client, RedisResult, Value};
use tokio::time::timeout;

use crate::failure::failure;
use crate::names::channel_of;
use crate::reconnecting::CONNECT;

/// After so long without a notice the server is asked whether it is still there: a connection that is gone without a
/// word is as silent as one without notices.
const SILENCE: Duration = Duration::from_secs(15);

/// How long it may take to answer that.
const ANSWER: Duration = Duration::from_secs(5);

/// Makes connections to listen on, each of its own.
pub(crate) type Listen = Arc<dyn Fn() -> BoxFuture<'static, RedisResult<PubSub>> + Send + Sync>;

/// Listens at a server that is always the same.
pub(crate) fn listen_to(client: Client) -> Listen {
    Arc::new(move || {
        let client = client.clone();
        async move { client.get_async_pubsub().await }.boxed()
    })
}

/// Listens to a scope's notices: from when this returns, none is missed. The client has no limit for connections to
/// listen on.
pub(crate) async fn listen(connect: &Listen, scope: &Scope) -> Result<Box<dyn Notices>, StoreError> {
    let subscribed = async {
        let mut connection = connect().await?;
        connection.subscribe(channel_of(scope)).await?;
        Ok(connection)
    };
    let connection = timeout(CONNECT, subscribed)
        .await
        .map_err(|elapsed| StoreError::new(StoreErrorKind::Timeout, elapsed))?
        .map_err(failure)?;
    let (sink, stream) = connection.split();
    Ok(Box::new(Heard { sink, stream }))
}

/// What comes in on a connection. The stream ends it when dropped.
struct Heard {
    sink: PubSubSink,
    stream: PubSubStream,
}

impl Notices for Heard {
    /// May be dropped at any point: what came in meanwhile waits in the stream.
    fn next(&mut self) -> StoreFuture<'_, Notice> {
        Box::pin(async {
            loop {
                match timeout(SILENCE, self.stream.next()).await {
                    Ok(Some(message)) => {
                        // Nobody of ours sends what is no text.
                        if let Ok(text) = str::from_utf8(message.get_payload_bytes()) {
                            return Ok(Notice::from_text(text));
                        }
                    }
                    Ok(None) => return Err(StoreErrorKind::Unreachable.into()),
                    Err(_) => match timeout(ANSWER, self.sink.ping::<Value>()).await {
                        Ok(pong) => drop(pong.map_err(failure)?),
                        Err(elapsed) => return Err(StoreError::new(StoreErrorKind::Timeout, elapsed)),
                    },
                }
            }
        })
    }
}
