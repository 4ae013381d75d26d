//! Where connections come from, and what an operation needs of one.

use cachescope_core::shared::StoreError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::instrument::Instrument;
use crate::nodes::Node;

/// Hands out connections, one for each operation.
pub(crate) trait Source: Send + Sync + 'static {
    /// One that is connected as far as is known. Dropping it gives it back, also in the middle of a command. A pool
    /// says of itself what `tell` wants to know.
    fn lend<'a>(&'a self, tell: Option<&'a Instrument>) -> BoxFuture<'a, Result<Box<dyn Lent>, StoreError>>;
}

/// A connection, for one operation. Sending a command and dropping its future is no harm: what is lent are handles of
/// multiplexed connections, whose driver takes the reply and drops it.
pub(crate) trait Lent: Send {
    /// Runs a command, on the node that has its keys.
    fn ask<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value>;

    /// Whether it has several nodes, each with keys of its own.
    fn has_nodes(&self) -> bool {
        false
    }

    /// Runs a command on that node.
    fn ask_node<'a>(&'a mut self, node: Node, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let _ = node;
        self.ask(cmd)
    }

    /// Runs several on that node, in one round trip.
    fn ask_node_all<'a>(&'a mut self, node: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>>;
}

/// A connection to one server.
pub(crate) struct Single<C>(pub(crate) C);

impl<C: ConnectionLike + Send> Lent for Single<C> {
    fn ask<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async { self.0.req_packed_command(cmd).await?.extract_error() }.boxed()
    }

    fn ask_node_all<'a>(&'a mut self, _: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, 0, pipeline.len())
    }
}

/// Clones of a connection that connects by itself, or never again.
pub(crate) struct Clones<C>(pub(crate) C);

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Source for Clones<C> {
    fn lend<'a>(&'a self, _: Option<&'a Instrument>) -> BoxFuture<'a, Result<Box<dyn Lent>, StoreError>> {
        let lent: Box<dyn Lent> = Box::new(Single(self.0.clone()));
        async { Ok(lent) }.boxed()
    }
}
