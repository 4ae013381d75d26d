//! Maps the client's errors to store errors.

use cachescope_core::shared::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Converts an error of the client.
pub(crate) fn store_error(error: RedisError) -> StoreError {
    StoreError::new(error_kind(&error), error)
}

/// Returns the kind of store error that corresponds to an error of the client. Use it to implement
/// [`ConnectionPool::kind_of`](crate::ConnectionPool::kind_of).
#[must_use]
pub fn error_kind(error: &RedisError) -> StoreErrorKind {
    use ServerErrorKind as Server;
    if error.is_timeout() {
        return StoreErrorKind::Timeout;
    }
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::Server(
            Server::BusyLoading
            | Server::ClusterDown
            | Server::MasterDown
            | Server::Moved
            | Server::Ask
            | Server::TryAgain,
        ) => StoreErrorKind::Unreachable,
        ErrorKind::AuthenticationFailed | ErrorKind::Server(Server::NoPerm | Server::ReadOnly) => {
            StoreErrorKind::Refused
        }
        _ => match server_code(error).as_deref() {
            Some("OOM") => StoreErrorKind::Full,
            // MISCONF: a server that can't write to its disk refuses writes.
            Some("NOAUTH" | "WRONGPASS" | "DENIED" | "MISCONF" | "NOREPLICAS") => StoreErrorKind::Refused,
            // Another client's script runs for too long.
            Some("BUSY") => StoreErrorKind::Unreachable,
            Some("ERR") => kind_of_message(error.detail().unwrap_or_default()),
            _ => StoreErrorKind::Other,
        },
    }
}

/// Returns the code at the beginning of a server's error. For the errors of a pipeline, returns the first code.
pub(crate) fn server_code(error: &RedisError) -> Option<String> {
    let first = || error.clone().into_server_errors()?.first().map(|(_, error)| error.code().to_owned());
    error.code().map(str::to_owned).or_else(first)
}

/// Returns the kind of an error without a specific code, from its message.
fn kind_of_message(detail: &str) -> StoreErrorKind {
    if detail.contains("max number of clients") {
        StoreErrorKind::Unreachable
    } else if detail.contains("-OOM ") {
        // Redis 6 reports the error of a script in the message.
        StoreErrorKind::Full
    } else {
        StoreErrorKind::Other
    }
}

/// Returns the error for a reply of an unexpected type.
pub(crate) fn unexpected_reply() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "the reply has an unexpected type").into()
}

/// Whether the connection must be replaced: it is lost, or its server is no longer the master or no longer accepts the
/// credentials. A new connection may lead to another server.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || server_code(error).as_deref() == Some("NOAUTH")
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;

    use super::*;

    fn server_error(line: &str) -> RedisError {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn server_errors_map_to_store_error_kinds() {
        let kinds = [
            ("OOM command not allowed when used memory > 'maxmemory'.", StoreErrorKind::Full),
            ("ERR Error running script: @user_script:1: -OOM command not allowed", StoreErrorKind::Full),
            ("NOAUTH Authentication required.", StoreErrorKind::Refused),
            ("WRONGPASS invalid username-password pair or user is disabled.", StoreErrorKind::Refused),
            ("NOPERM this user has no permissions", StoreErrorKind::Refused),
            ("READONLY You can't write against a read only replica.", StoreErrorKind::Refused),
            ("LOADING Redis is loading the dataset in memory", StoreErrorKind::Unreachable),
            ("CLUSTERDOWN The cluster is down", StoreErrorKind::Unreachable),
            ("MASTERDOWN Link with MASTER is down", StoreErrorKind::Unreachable),
            ("ERR max number of clients reached", StoreErrorKind::Unreachable),
            ("ERR unknown command", StoreErrorKind::Other),
            ("WRONGTYPE Operation against a key", StoreErrorKind::Other),
        ];
        for (line, kind) in kinds {
            assert_eq!(store_error(server_error(line)).kind(), kind, "{line}");
        }
    }

    #[test]
    fn network_errors_are_timeout_or_unreachable() {
        let of = |kind: io::ErrorKind| store_error(io::Error::from(kind).into());
        assert_eq!(of(io::ErrorKind::TimedOut).kind(), StoreErrorKind::Timeout);
        assert_eq!(of(io::ErrorKind::ConnectionRefused).kind(), StoreErrorKind::Unreachable);
        assert_eq!(of(io::ErrorKind::UnexpectedEof).kind(), StoreErrorKind::Unreachable);
        assert!(of(io::ErrorKind::BrokenPipe).source().is_some());
    }

    #[test]
    fn connection_ends_on_errors_that_reconnecting_may_fix() {
        for line in ["READONLY You can't write", "NOAUTH Authentication required."] {
            assert!(ends_connection(&server_error(line)), "{line}");
        }
        for line in ["OOM command not allowed", "NOSCRIPT No matching script.", "LOADING Redis is loading"] {
            assert!(!ends_connection(&server_error(line)), "{line}");
        }
        assert!(ends_connection(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
        assert!(!ends_connection(&io::Error::from(io::ErrorKind::TimedOut).into()));
    }
}
