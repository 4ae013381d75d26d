//! What went wrong, in the words all stores share.

use cachescope_core::shared::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// An error of the client's as one of a store's.
pub(crate) fn failure(error: RedisError) -> StoreError {
    StoreError::new(error_kind(&error), error)
}

/// What kind of error of a store's an error of the client's is.
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
        _ => match code(error).as_deref() {
            Some("OOM") => StoreErrorKind::Full,
            // A server that can't write its disk any more takes no writes.
            Some("NOAUTH" | "WRONGPASS" | "DENIED" | "MISCONF" | "NOREPLICAS") => StoreErrorKind::Refused,
            // A script of somebody else's runs for too long.
            Some("BUSY") => StoreErrorKind::Unreachable,
            Some("ERR") => in_words(error.detail().unwrap_or_default()),
            _ => StoreErrorKind::Other,
        },
    }
}

/// What a server's error begins with; of a pipeline's errors, the first one's.
pub(crate) fn code(error: &RedisError) -> Option<String> {
    let first = || error.clone().into_server_errors()?.first().map(|(_, error)| error.code().to_owned());
    error.code().map(str::to_owned).or_else(first)
}

/// What has no code of its own.
fn in_words(detail: &str) -> StoreErrorKind {
    if detail.contains("max number of clients") {
        StoreErrorKind::Unreachable
    } else if detail.contains("-OOM ") {
        // Redis 6 puts what happened in a script into the text.
        StoreErrorKind::Full
    } else {
        StoreErrorKind::Other
    }
}

/// Whether the connection is worth no further try: it is gone, or to a server that isn't the master any more or doesn't
/// know us any more. A new one may lead to another server.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || code(error).as_deref() == Some("NOAUTH")
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::io;

    use super::*;

    fn told(line: &str) -> RedisError {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn what_servers_say_is_of_a_kind() {
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
            assert_eq!(failure(told(line)).kind(), kind, "{line}");
        }
    }

    #[test]
    fn the_network_fails_in_time_or_out_of_it() {
        let of = |kind: io::ErrorKind| failure(io::Error::from(kind).into());
        assert_eq!(of(io::ErrorKind::TimedOut).kind(), StoreErrorKind::Timeout);
        assert_eq!(of(io::ErrorKind::ConnectionRefused).kind(), StoreErrorKind::Unreachable);
        assert_eq!(of(io::ErrorKind::UnexpectedEof).kind(), StoreErrorKind::Unreachable);
        assert!(of(io::ErrorKind::BrokenPipe).source().is_some());
    }

    #[test]
    fn a_connection_ends_with_what_a_new_one_may_heal() {
        for line in ["READONLY You can't write", "NOAUTH Authentication required."] {
            assert!(ends_connection(&told(line)), "{line}");
        }
        for line in ["OOM command not allowed", "NOSCRIPT No matching script.", "LOADING Redis is loading"] {
            assert!(!ends_connection(&told(line)), "{line}");
        }
        assert!(ends_connection(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
        assert!(!ends_connection(&io::Error::from(io::ErrorKind::TimedOut).into()));
    }
}
