//! A connection with telemetry.

use std::fmt;
use std::ops::{Deref, DerefMut};

use cachescope_telemetry::db_client::Client;
use futures_util::FutureExt;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::operation;

/// A connection that reports its commands and pipelines to OpenTelemetry. Created by [`instrument`](crate::instrument).
///
/// Clones like the connection itself. The connection's own methods are available through `Deref`, and aren't reported.
/// A command whose future is dropped before its reply is recorded with the error `cancelled`. Keys, arguments and
/// replies are never recorded. Of an error, only its code is recorded.
///
/// A command costs the SDK's span and histogram record, and a few allocations.
#[derive(Clone)]
pub struct Instrumented<C> {
    connection: C,
    client: Client,
}

impl<C> Instrumented<C> {
    pub(crate) fn new(connection: C, client: Client) -> Self {
        Self { connection, client }
    }

    /// Returns the connection without telemetry.
    pub fn into_inner(self) -> C {
        self.connection
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for Instrumented<C> {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async {
            let running = operation::start_command(&self.client, cmd);
            let answer = self.connection.req_packed_command(cmd).await;
            operation::end_command(running, &answer);
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
            let running = operation::start_pipeline(&self.client, pipeline);
            let answers = self.connection.req_packed_commands(pipeline, offset, count).await;
            operation::end_pipeline(running, &answers);
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
