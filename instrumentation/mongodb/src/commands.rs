//! What commands took, from the events that the client makes of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cachescope_core::client::names::error_types::CANCELLED;
use cachescope_core::client::{Client, Failed};
use mongodb::bson::{Bson, Document};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::event::cmap::{CmapEvent, ConnectionClosedReason};
use mongodb::event::command::{CommandEvent, CommandStartedEvent, ConnectionInfo};
use mongodb::options::ServerAddress;
use opentelemetry::Context;

use crate::telemetry::at;

/// Commands that name a collection first. Others have there what may be of a person, such as a user's name.
const OF_A_COLLECTION: [&str; 22] = [
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

/// The commands that have started and not ended.
pub(crate) struct Commands {
    client: Client,
    /// By the number that the client gave each, which it does only once.
    started: Mutex<HashMap<i32, Started>>,
}

struct Started {
    at: SystemTime,
    parent: Context,
    name: String,
    database: String,
    collection: Option<String>,
    connection: (ServerAddress, u32),
}

impl Commands {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, started: Mutex::default() }
    }

    /// Called where the client's future is polled, so what is current there is what the command belongs to.
    pub(crate) fn handle(&self, event: CommandEvent) {
        match event {
            CommandEvent::Started(event) => {
                let number = event.request_id;
                self.lock().insert(number, Started::from(event));
            }
            CommandEvent::Succeeded(event) => {
                self.end(event.request_id, event.duration, refused(&event.reply).map_or(Ok(()), Err));
            }
            CommandEvent::Failed(event) => self.end(event.request_id, event.duration, Err(failed(&event.failure))),
            _ => {}
        }
    }

    /// A connection is dropped together with the future of a command, of which no more is heard then.
    pub(crate) fn handle_connection(&self, event: &CmapEvent) {
        let CmapEvent::ConnectionClosed(event) = event else { return };
        if event.reason != ConnectionClosedReason::Dropped {
            return;
        }
        let closed = (&event.address, event.connection_id);
        let mut started = self.lock();
        let given_up: Vec<Started> = started
            .extract_if(|_, command| (&command.connection.0, command.connection.1) == closed)
            .map(|(_, command)| command)
            .collect();
        drop(started);
        for command in given_up {
            self.tell(command, None, Err(Failed::new(CANCELLED)));
        }
    }

    fn end(&self, number: i32, took: Duration, outcome: Result<(), Failed>) {
        let started = self.lock().remove(&number);
        if let Some(started) = started {
            self.tell(started, Some(took), outcome);
        }
    }

    fn tell(&self, command: Started, took: Option<Duration>, outcome: Result<(), Failed>) {
        let client = at(&self.client, &command.connection.0).namespace(command.database);
        let mut operation = client.operation(command.name);
        if let Some(collection) = command.collection {
            operation = operation.collection(collection);
        }
        let end = took.map_or_else(SystemTime::now, |took| command.at + took);
        operation.between(command.at, end, &command.parent, outcome);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Started>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<CommandStartedEvent> for Started {
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
        name if OF_A_COLLECTION.contains(&name) => name,
        _ => return None,
    };
    command.get_str(field).ok().map(str::to_owned)
}

/// What an answer says that went wrong with a write, though the command as such was done.
fn refused(reply: &Document) -> Option<Failed> {
    let error = reply.get_array("writeErrors").ok()?.first()?.as_document()?;
    let code = match error.get("code")? {
        Bson::Int32(code) => *code,
        _ => return Some(Failed::new("WriteError")),
    };
    Some(of_code(code, error.get_str("codeName").unwrap_or_default()))
}

fn failed(error: &Error) -> Failed {
    match &*error.kind {
        ErrorKind::Command(error) => of_code(error.code, &error.code_name),
        ErrorKind::Write(WriteFailure::WriteError(error)) => {
            of_code(error.code, error.code_name.as_deref().unwrap_or_default())
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => of_code(error.code, &error.code_name),
        ErrorKind::Authentication { .. } => Failed::new("Authentication"),
        ErrorKind::Io(_) => Failed::new("Io"),
        ErrorKind::ConnectionPoolCleared { .. } => Failed::new("ConnectionPoolCleared"),
        ErrorKind::InvalidResponse { .. } => Failed::new("InvalidResponse"),
        _ => Failed::new("_OTHER"),
    }
}

/// By the server's name for it, or its number where it gives none.
fn of_code(code: i32, name: &str) -> Failed {
    let code = code.to_string();
    let error_type = if name.is_empty() { code.clone() } else { name.to_owned() };
    Failed::new(error_type).status_code(code)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn a_collection_is_told_and_nothing_else_that_stands_in_its_place() {
        let of = |command: Document| {
            let name = command.keys().next().unwrap().clone();
            collection(&name, &command)
        };
        assert_eq!(of(doc! { "find": "users", "filter": { "name": "secret" } }).as_deref(), Some("users"));
        assert_eq!(of(doc! { "getMore": 7_i64, "collection": "users" }).as_deref(), Some("users"));
        assert_eq!(of(doc! { "aggregate": 1 }), None);
        assert_eq!(of(doc! { "createUser": "ada", "pwd": "secret" }), None);
        assert_eq!(of(doc! { "usersInfo": "ada" }), None);
    }

    #[test]
    fn an_answer_tells_of_writes_that_were_refused() {
        assert_eq!(refused(&doc! { "ok": 1.0, "n": 1 }), None);
        let reply = doc! { "ok": 1.0, "writeErrors": [{ "index": 0, "code": 11_000, "errmsg": "secret" }] };
        assert_eq!(refused(&reply), Some(Failed::new("11000").status_code("11000")));
        assert_eq!(of_code(13, "Unauthorized"), Failed::new("Unauthorized").status_code("13"));
    }
}
