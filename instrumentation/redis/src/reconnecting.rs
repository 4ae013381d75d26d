//! One connection to a server, and another when it is gone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachescope_core::shared::StoreError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, Pipeline, RedisFuture, RedisResult, Value};
use tokio::runtime::Handle;

use crate::failure::ends_connection;
use crate::instrument::Instrument;
use crate::source::{Lent, Single, Source};

/// As long as a new connection may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);

/// More than an operation takes: whoever uses the store gives it less, and this is for who gives it no limit.
const ANSWER: Duration = Duration::from_secs(10);

/// When what was sent isn't acknowledged for so long, or nobody answers probes, the other side is gone without a word.
const SILENCE: Duration = Duration::from_secs(10);

/// Knows which server to connect to.
pub(crate) type Connect = Box<dyn Fn() -> BoxFuture<'static, RedisResult<MultiplexedConnection>> + Send + Sync>;

/// An attempt to connect, and then the connection: whoever needs it takes part in it.
type Attempt = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

/// Connects when there is something to do, once for all who wait, and again when the connection has failed.
///
/// The client's own `ConnectionManager` tries several times while its users wait, and never again after a failure that
/// isn't one of the network: a master that was demoted, or a password that was wrong for a while.
pub(crate) struct Reconnecting {
    connect: Connect,
    current: Mutex<Option<Attempt>>,
}

impl Reconnecting {
    pub(crate) fn new(connect: Connect) -> Arc<Self> {
        Arc::new(Self { connect, current: Mutex::new(None) })
    }

    /// The attempt under way or the one that succeeded; after one that failed, another.
    fn current(&self) -> RedisResult<Attempt> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = current.as_ref().filter(|attempt| !matches!(attempt.peek(), Some(Err(_)))) {
            return Ok(attempt.clone());
        }
        let runtime = Handle::try_current().map_err(|_| (ErrorKind::Client, "there is no tokio runtime"))?;
        let attempt = (self.connect)().shared();
        // It goes on when those who wait for it give up: each may have less patience than it takes.
        runtime.spawn(attempt.clone().map(drop));
        *current = Some(attempt.clone());
        Ok(attempt)
    }

    /// The next operation connects anew, unless another has seen to it.
    fn give_up(&self, lost: &Attempt) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|attempt| attempt.ptr_eq(lost)) {
            *current = None;
        }
    }
}

impl Source for Arc<Reconnecting> {
    fn lend<'a>(&'a self, _: Option<&'a Instrument>) -> BoxFuture<'a, Result<Box<dyn Lent>, StoreError>> {
        let lent: Box<dyn Lent> = Box::new(Single(Watched { home: Arc::clone(self), connected: None }));
        async { Ok(lent) }.boxed()
    }
}

/// A connection that says at home when it is gone. It connects with its first command, so that this is the command
/// that fails if it can't, and stays with that connection: what one server said means nothing to another.
struct Watched {
    home: Arc<Reconnecting>,
    connected: Option<(MultiplexedConnection, Attempt)>,
}

impl Watched {
    async fn connected(&mut self) -> RedisResult<&mut MultiplexedConnection> {
        let connected = match self.connected.take() {
            Some(connected) => connected,
            None => {
                let attempt = self.home.current()?;
                (attempt.clone().await?, attempt)
            }
        };
        Ok(&mut self.connected.insert(connected).0)
    }

    fn watch<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        if let (Err(error), Some((_, attempt))) = (&answer, &self.connected)
            && ends_connection(error)
        {
            self.home.give_up(attempt);
        }
        answer
    }
}

impl ConnectionLike for Watched {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async {
            let answer = self.connected().await?.send_packed_command(cmd).await.and_then(Value::extract_error);
            self.watch(answer)
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
            self.watch(answers)
        }
        .boxed()
    }

    fn get_db(&self) -> i64 {
        self.connected.as_ref().map_or(0, |(connection, _)| connection.get_db())
    }
}

/// How connections are made where nobody else says.
pub(crate) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER))
}

/// What is small is sent at once, and a server that is gone without a word is noticed.
pub(crate) fn tcp() -> TcpSettings {
    let probes = TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 5);
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(probes);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(SILENCE);
    settings
}

/// Connects to a server that is always the same.
pub(crate) fn connect_to(client: Client) -> Connect {
    Box::new(move || {
        let client = client.clone();
        async move { client.get_multiplexed_async_connection_with_config(&config()).await }.boxed()
    })
}

/// A client for what an address says, with our settings of TCP unless it has its own.
///
/// # Errors
/// If a connection can't be made that way, whoever is there.
pub(crate) fn client(address: ConnectionInfo) -> RedisResult<Client> {
    #[cfg(feature = "tls")]
    if matches!(address.addr(), redis::ConnectionAddr::TcpTls { .. }) {
        crate::tls::provide();
    }
    let settings = address.tcp_settings();
    let untouched = !settings.nodelay() && settings.keepalive().is_none();
    Client::open(if untouched { address.set_tcp_settings(tcp()) } else { address })
}
