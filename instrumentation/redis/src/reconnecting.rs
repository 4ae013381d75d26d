//! A connection to one server that is replaced when it is lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::shared::StoreError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, Pipeline, RedisFuture, RedisResult, Value};
use tokio::runtime::Handle;

use crate::connection_source::{BoxedConnection, ConnectionSource, SingleServer};
use crate::error::ends_connection;
use crate::instrument::Instrumentation;

/// The time limit for a new connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The time limit for a reply. It is longer than any operation takes, and applies when the caller sets no limit.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time without an acknowledgement or a reply to keepalive probes after which the connection is lost.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a new connection to the server.
pub(crate) type Connector = Box<dyn Fn() -> BoxFuture<'static, RedisResult<MultiplexedConnection>> + Send + Sync>;

/// An attempt to connect, shared by all operations that need the connection, and then the connection itself.
type ConnectAttempt = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

/// Connects with the first operation, once for all operations that wait, and again after the connection fails.
///
/// The client's own `ConnectionManager` retries several times while operations wait. It never reconnects after other
/// failures than those of the network, such as a demoted master or a password that was temporarily wrong.
pub(crate) struct Reconnecting {
    connect: Connector,
    current: Mutex<Option<ConnectAttempt>>,
}

impl Reconnecting {
    pub(crate) fn new(connect: Connector) -> Arc<Self> {
        Arc::new(Self { connect, current: Mutex::new(None) })
    }

    /// Returns the current attempt, unless it failed. After a failure, starts a new attempt.
    fn current(&self) -> RedisResult<ConnectAttempt> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = current.as_ref().filter(|attempt| !matches!(attempt.peek(), Some(Err(_)))) {
            return Ok(attempt.clone());
        }
        let runtime = Handle::try_current().map_err(|_| (ErrorKind::Client, "no tokio runtime"))?;
        let attempt = (self.connect)().shared();
        // A task drives the attempt even if all waiting operations time out.
        runtime.spawn(attempt.clone().map(drop));
        *current = Some(attempt.clone());
        Ok(attempt)
    }

    /// Discards a lost connection, so that the next operation connects again. Does nothing if it was replaced already.
    fn discard(&self, lost: &ConnectAttempt) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|attempt| attempt.ptr_eq(lost)) {
            *current = None;
        }
    }
}

impl ConnectionSource for Arc<Reconnecting> {
    fn connection<'a>(&'a self, _: Option<&'a Instrumentation>) -> BoxFuture<'a, Result<BoxedConnection, StoreError>> {
        let connection: BoxedConnection =
            Box::new(SingleServer(ReconnectingHandle { reconnecting: Arc::clone(self), connected: None }));
        async { Ok(connection) }.boxed()
    }
}

/// A handle of the shared connection, which discards the connection when it is lost.
///
/// The handle connects with its first command, so that a failure to connect is the error of that command. It then keeps
/// the same connection, because a reply of one server, such as a cursor, is invalid on another.
struct ReconnectingHandle {
    reconnecting: Arc<Reconnecting>,
    connected: Option<(MultiplexedConnection, ConnectAttempt)>,
}

impl ReconnectingHandle {
    async fn connected(&mut self) -> RedisResult<&mut MultiplexedConnection> {
        let connected = match self.connected.take() {
            Some(connected) => connected,
            None => {
                let attempt = self.reconnecting.current()?;
                (attempt.clone().await?, attempt)
            }
        };
        Ok(&mut self.connected.insert(connected).0)
    }

    fn check<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        if let (Err(error), Some((_, attempt))) = (&answer, &self.connected)
            && ends_connection(error)
        {
            self.reconnecting.discard(attempt);
        }
        answer
    }
}

impl ConnectionLike for ReconnectingHandle {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async {
            let answer = self.connected().await?.send_packed_command(cmd).await.and_then(Value::extract_error);
            self.check(answer)
        }
        .boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        async move {
            let answers = self.connected().await?.send_packed_commands(pipeline, offset, count).await;
            self.check(answers)
        }
        .boxed()
    }

    fn get_db(&self) -> i64 {
        self.connected.as_ref().map_or(0, |(connection, _)| connection.get_db())
    }
}

/// Returns the settings of connections that the store opens.
pub(crate) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
}

/// Returns the TCP settings: small packets are sent immediately, and keepalive detects a lost server.
pub(crate) fn tcp() -> TcpSettings {
    let probes = TcpKeepalive::new().with_time(KEEPALIVE_TIMEOUT).with_interval(KEEPALIVE_TIMEOUT / 5);
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(probes);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(KEEPALIVE_TIMEOUT);
    settings
}

/// Returns a connector to a fixed server.
pub(crate) fn connect_to(client: Client) -> Connector {
    Box::new(move || {
        let client = client.clone();
        async move { client.get_multiplexed_async_connection_with_config(&config()).await }.boxed()
    })
}

/// Creates a client for an address. Adds the TCP settings of [`tcp`], unless the address has its own.
///
/// # Errors
/// If the address is invalid.
pub(crate) fn client(address: ConnectionInfo) -> RedisResult<Client> {
    #[cfg(feature = "tls")]
    if matches!(address.addr(), redis::ConnectionAddr::TcpTls { .. }) {
        crate::tls::provide();
    }
    let settings = address.tcp_settings();
    let untouched = !settings.nodelay() && settings.keepalive().is_none();
    Client::open(if untouched { address.set_tcp_settings(tcp()) } else { address })
}
