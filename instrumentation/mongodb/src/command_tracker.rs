//! Records the duration of commands from the client's events.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cachescope_telemetry::db_client::names::error_types::CANCELLED;
use cachescope_telemetry::db_client::{Client, OperationError};
use mongodb::bson::{Bson, Document};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::event::cmap::{CmapEvent, ConnectionClosedReason};
use mongodb::event::command::{CommandEvent, CommandStartedEvent, ConnectionInfo};
use mongodb::options::ServerAddress;
use opentelemetry::Context;

use crate::server_address::client_of_server;

/// The commands whose first field names a collection. In other commands, that field may hold personal data, such as a
/// user name.
const COLLECTION_COMMANDS: [&str; 22] = [
    "aggregate",
    "collMod",
    "collStats",
    "compact",
    "count",
    "create",
    "createIndexes",
    "createSearchIndexes",
    "delete",
    "distinct",
    "drop",
    "dropIndexes",
    "dropSearchIndex",
    "find",
    "findAndModify",
    "insert",
    "killCursors",
    "listIndexes",
    "mapReduce",
    "reIndex",
    "update",
    "updateSearchIndex",
];

/// The commands that have started and haven't ended.
pub(crate) struct CommandTracker {
    client: Client,
    /// Keyed by request ID, which the client assigns once to each command.
    started: Mutex<HashMap<i32, StartedCommand>>,
}

struct StartedCommand {
    at: SystemTime,
    parent: Context,
    name: String,
    database: String,
    collection: Option<String>,
    connection: (ServerAddress, u32),
}

impl CommandTracker {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, started: Mutex::default() }
    }

    /// Handles a command event. The client calls it while its future is polled, so the current context is the parent of
    /// the command.
    pub(crate) fn handle(&self, event: CommandEvent) {
        match event {
            CommandEvent::Started(event) => {
                let number = event.request_id;
                self.lock().insert(number, StartedCommand::from(event));
            }
            CommandEvent::Succeeded(event) => {
                self.end(event.request_id, event.duration, write_error(&event.reply).map_or(Ok(()), Err));
            }
            CommandEvent::Failed(event) => {
                self.end(event.request_id, event.duration, Err(telemetry_error(&event.failure)))
            }
            _ => {}
        }
    }

    /// Records the commands of a dropped connection as cancelled. When the future of a command is dropped, the client
    /// drops its connection and sends no further event for the command.
    pub(crate) fn handle_connection(&self, event: &CmapEvent) {
        let CmapEvent::ConnectionClosed(event) = event else { return };
        if event.reason != ConnectionClosedReason::Dropped {
            return;
        }
        let closed = (&event.address, event.connection_id);
        let mut started = self.lock();
        let abandoned: Vec<StartedCommand> = started
            .extract_if(|_, command| (&command.connection.0, command.connection.1) == closed)
            .map(|(_, command)| command)
            .collect();
        drop(started);
        for command in abandoned {
            self.record(command, None, Err(OperationError::new(CANCELLED)));
        }
    }

    fn end(&self, number: i32, took: Duration, outcome: Result<(), OperationError>) {
        let started = self.lock().remove(&number);
        if let Some(started) = started {
            self.record(started, Some(took), outcome);
        }
    }

    fn record(&self, command: StartedCommand, took: Option<Duration>, outcome: Result<(), OperationError>) {
        let client = client_of_server(&self.client, &command.connection.0).namespace(command.database);
        let mut operation = client.operation(command.name);
        if let Some(collection) = command.collection {
            operation = operation.collection(collection);
        }
        let end = took.map_or_else(SystemTime::now, |took| command.at + took);
        operation.record_finished(command.at, end, &command.parent, outcome);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, StartedCommand>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<CommandStartedEvent> for StartedCommand {
    fn from(event: CommandStartedEvent) -> Self {
        let CommandStartedEvent { command, db, command_name, connection, .. } = event;
        let ConnectionInfo { id, address, .. } = connection;
        Self {
            at: SystemTime::now(),
            parent: Context::current(),
            collection: collection(&command_name, &command),
            name: command_name,
            database: db,
            connection: (address, id),
        }
    }
}

fn collection(name: &str, command: &Document) -> Option<String> {
    let field = match name {
        "getMore" => "collection",
        name if COLLECTION_COMMANDS.contains(&name) => name,
        _ => return None,
    };
    command.get_str(field).ok().map(str::to_owned)
}

/// Returns the first write error in the reply of a command that otherwise succeeded.
fn write_error(reply: &Document) -> Option<OperationError> {
    let error = reply.get_array("writeErrors").ok()?.first()?.as_document()?;
    let code = match error.get("code")? {
        Bson::Int32(code) => *code,
        _ => return Some(OperationError::new("WriteError")),
    };
    Some(error_of_code(code, error.get_str("codeName").unwrap_or_default()))
}

fn telemetry_error(error: &Error) -> OperationError {
    match &*error.kind {
        ErrorKind::Command(error) => error_of_code(error.code, &error.code_name),
        ErrorKind::Write(WriteFailure::WriteError(error)) => {
            error_of_code(error.code, error.code_name.as_deref().unwrap_or_default())
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => error_of_code(error.code, &error.code_name),
        ErrorKind::Authentication { .. } => OperationError::new("Authentication"),
        ErrorKind::Io(_) => OperationError::new("Io"),
        ErrorKind::ConnectionPoolCleared { .. } => OperationError::new("ConnectionPoolCleared"),
        ErrorKind::InvalidResponse { .. } => OperationError::new("InvalidResponse"),
        _ => OperationError::new("_OTHER"),
    }
}

/// Returns an error with the server's name of the code, or with its number if the server gives no name.
fn error_of_code(code: i32, name: &str) -> OperationError {
    let code = code.to_string();
    let error_type = if name.is_empty() { code.clone() } else { name.to_owned() };
    OperationError::new(error_type).status_code(code)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn collection_is_recorded_only_for_commands_that_name_one() {
        let collection_of = |command: Document| {
            let name = command.keys().next().unwrap().clone();
            collection(&name, &command)
        };
        assert_eq!(collection_of(doc! { "find": "users", "filter": { "name": "secret" } }).as_deref(), Some("users"));
        assert_eq!(collection_of(doc! { "getMore": 7_i64, "collection": "users" }).as_deref(), Some("users"));
        assert_eq!(collection_of(doc! { "aggregate": 1 }), None);
        assert_eq!(collection_of(doc! { "createUser": "ada", "pwd": "secret" }), None);
        assert_eq!(collection_of(doc! { "usersInfo": "ada" }), None);
    }

    #[test]
    fn write_error_is_found_in_reply() {
        assert_eq!(write_error(&doc! { "ok": 1.0, "n": 1 }), None);
        let reply = doc! { "ok": 1.0, "writeErrors": [{ "index": 0, "code": 11_000, "errmsg": "secret" }] };
        assert_eq!(write_error(&reply), Some(OperationError::new("11000").status_code("11000")));
        assert_eq!(error_of_code(13, "Unauthorized"), OperationError::new("Unauthorized").status_code("13"));
    }
}
