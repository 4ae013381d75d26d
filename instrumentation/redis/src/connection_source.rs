//! The connections of a store, and their sources.

use cachescope_core::shared::StoreError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::instrument::Instrumentation;
use crate::node::Node;

/// A boxed connection of a store.
pub(crate) type BoxedConnection = Box<dyn StoreConnection>;

/// Hands out connections, one for each operation.
pub(crate) trait ConnectionSource: Send + Sync + 'static {
    /// Returns a connection that isn't known to be lost. Dropping the connection returns it, even in the middle of a
    /// command. A pool reports its own metrics through `instrument`.
    fn connection<'a>(
        &'a self,
        instrument: Option<&'a Instrumentation>,
    ) -> BoxFuture<'a, Result<BoxedConnection, StoreError>>;
}

/// A connection for one operation. Dropping the future of a command is safe: connections are handles of multiplexed
/// connections, whose driver receives the reply and drops it.
pub(crate) trait StoreConnection: Send {
    /// Runs a command on the node that holds its keys.
    fn query<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value>;

    /// Whether the connection leads to a cluster, whose nodes hold different keys.
    fn is_cluster(&self) -> bool {
        false
    }

    /// Runs a command on a node.
    fn query_node<'a>(&'a mut self, node: Node, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let _ = node;
        self.query(cmd)
    }

    /// Runs several commands on a node, in one round trip.
    fn query_node_pipeline<'a>(&'a mut self, node: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>>;
}

/// A connection to one server.
pub(crate) struct SingleServer<C>(pub(crate) C);

impl<C: ConnectionLike + Send> StoreConnection for SingleServer<C> {
    fn query<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async { self.0.req_packed_command(cmd).await?.extract_error() }.boxed()
    }

    fn query_node_pipeline<'a>(&'a mut self, _: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, 0, pipeline.len())
    }
}

/// Hands out clones of a user's connection. Reconnecting is left to that connection.
pub(crate) struct ClonedConnections<C>(pub(crate) C);

impl<C: ConnectionLike + Clone + Send + Sync + 'static> ConnectionSource for ClonedConnections<C> {
    fn connection<'a>(&'a self, _: Option<&'a Instrumentation>) -> BoxFuture<'a, Result<BoxedConnection, StoreError>> {
        let boxed: BoxedConnection = Box::new(SingleServer(self.0.clone()));
        async { Ok(boxed) }.boxed()
    }
}
