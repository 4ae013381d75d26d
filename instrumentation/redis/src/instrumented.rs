//! A connection that tells of its commands.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cachescope_core::client::Client;
use futures_util::FutureExt;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::operation;

/// A connection whose commands and pipelines are told to OpenTelemetry. Made by [`instrument`](crate::instrument).
///
/// It runs commands as the connection does, and is cloned as it is; the connection's own methods are there by `Deref`,
/// untold. A command whose future is dropped before its answer has failed with `cancelled`. No key, argument or answer
/// is told, and of an error its code.
///
/// A command costs what the SDK takes for a span and a record of a histogram, and a few allocations.
#[derive(Clone)]
pub struct Instrumented<C> {
    connection: C,
    client: Client,
}

impl<C> Instrumented<C> {
    pub(crate) fn new(connection: C, client: Client) -> Self {
        Self { connection, client }
    }

    /// The connection without telemetry.
    pub fn into_inner(self) -> C {
        self.connection
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for Instrumented<C> {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async {
            let running = operation::command(&self.client, cmd);
            let answer = self.connection.req_packed_command(cmd).await;
            operation::answered(running, &answer);
            answer
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
            let running = operation::pipeline(&self.client, pipeline);
            let answers = self.connection.req_packed_commands(pipeline, offset, count).await;
            operation::all_answered(running, &answers);
            answers
        }
        .boxed()
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

impl<C> Deref for Instrumented<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C> DerefMut for Instrumented<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C> fmt::Debug for Instrumented<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumented").field("client", &self.client).finish_non_exhaustive()
    }
}
