//! The store's own commands, told to OpenTelemetry.

use cachescope_core::client::Client;
use futures_util::FutureExt;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::nodes::Node;
use crate::operation;
use crate::source::Lent;

/// What is lent, with telemetry.
pub(crate) struct Told {
    pub(crate) lent: Box<dyn Lent>,
    pub(crate) client: Client,
}

impl Lent for Told {
    fn ask<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async {
            let running = operation::command(&self.client, cmd);
            let answer = self.lent.ask(cmd).await;
            operation::answered(running, &answer);
            answer
        }
        .boxed()
    }

    fn has_nodes(&self) -> bool {
        self.lent.has_nodes()
    }

    fn ask_node<'a>(&'a mut self, node: Node, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move {
            let running = operation::command(&self.client, cmd);
            let answer = self.lent.ask_node(node, cmd).await;
            operation::answered(running, &answer);
            answer
        }
        .boxed()
    }

    fn ask_node_all<'a>(&'a mut self, node: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>> {
        async move {
            let running = operation::pipeline(&self.client, pipeline);
            let answers = self.lent.ask_node_all(node, pipeline).await;
            operation::all_answered(running, &answers);
            answers
        }
        .boxed()
    }
}
