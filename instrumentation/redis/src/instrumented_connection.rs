//! Telemetry for the store's own commands.

use cachescope_telemetry::db_client::Client;
use futures_util::FutureExt;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::connection_source::{BoxedConnection, StoreConnection};
use crate::node::Node;
use crate::operation;

/// A connection of a store that records its commands.
pub(crate) struct InstrumentedConnection {
    pub(crate) connection: BoxedConnection,
    pub(crate) client: Client,
}

impl StoreConnection for InstrumentedConnection {
    fn query<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async {
            let running = operation::start_command(&self.client, cmd);
            let answer = self.connection.query(cmd).await;
            operation::end_command(running, &answer);
            answer
        }
        .boxed()
    }

    fn is_cluster(&self) -> bool {
        self.connection.is_cluster()
    }

    fn query_node<'a>(&'a mut self, node: Node, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move {
            let running = operation::start_command(&self.client, cmd);
            let answer = self.connection.query_node(node, cmd).await;
            operation::end_command(running, &answer);
            answer
        }
        .boxed()
    }

    fn query_node_pipeline<'a>(&'a mut self, node: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>> {
        async move {
            let running = operation::start_pipeline(&self.client, pipeline);
            let answers = self.connection.query_node_pipeline(node, pipeline).await;
            operation::end_pipeline(running, &answers);
            answers
        }
        .boxed()
    }
}
