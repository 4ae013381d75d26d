//! What went wrong, in the words all stores share.

use std::fmt;
use std::io;

use cachescope_core::shared::{StoreError, StoreErrorKind};
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// The document of this `_id` exists.
pub(crate) const DUPLICATE_KEY: i32 = 11_000;

/// The server doesn't know how to do this.
pub(crate) const NOT_IMPLEMENTED: i32 = 238;

/// An error of the client's as one of a store's.
pub(crate) fn failure(error: Error) -> StoreError {
    StoreError::new(kind(&error), error)
}

/// The server's code for what went wrong, where it is the server that says so.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        _ => None,
    }
}

fn kind(error: &Error) -> StoreErrorKind {
    if let Some(code) = code(error) {
        return of_code(code, || error.to_string());
    }
    match &*error.kind {
        ErrorKind::Authentication { .. } => StoreErrorKind::Refused,
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::TimedOut => StoreErrorKind::Timeout,
        ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Shutdown => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Other,
    }
}

fn of_code(code: i32, text: impl FnOnce() -> String) -> StoreErrorKind {
    match code {
        // MaxTimeMSExpired, WriteConcernTimeout, NetworkTimeout, ExceededTimeLimit.
        50 | 64 | 89 | 202 | 262 => StoreErrorKind::Timeout,
        // HostUnreachable, HostNotFound, ShutdownInProgress, FailedToSatisfyReadPreference, PrimarySteppedDown,
        // SocketException, NotWritablePrimary, Interrupted..., NotPrimary...: another server has to take over first.
        6 | 7 | 91 | 133 | 189 | 9_001 | 10_107 | 11_600 | 11_602 | 13_435 | 13_436 => StoreErrorKind::Unreachable,
        // OutOfDiskSpace; and documents of more than 16 MiB, sent or made.
        14_031 | 10_334 | 17_280 | 17_419 | 17_420 => StoreErrorKind::Full,
        // Unauthorized, AuthenticationFailed.
        13 | 18 => StoreErrorKind::Refused,
        // Atlas has one code for all that it refuses.
        8_000 if text().contains("quota") => StoreErrorKind::Full,
        8_000 => StoreErrorKind::Refused,
        _ => StoreErrorKind::Other,
    }
}

/// A value that no document holds.
#[derive(Debug)]
pub(crate) struct TooLarge {
    pub(crate) bytes: usize,
    pub(crate) limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of {} bytes: MongoDB's documents have room for one of {}", self.bytes, self.limit)
    }
}

impl std::error::Error for TooLarge {}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn of(code: i32) -> StoreErrorKind {
        of_code(code, || "you are over your space quota".to_owned())
    }

    #[test]
    fn what_servers_say_is_of_a_kind() {
        assert_eq!([50, 262].map(of), [StoreErrorKind::Timeout; 2]);
        assert_eq!([91, 189, 10_107, 13_435].map(of), [StoreErrorKind::Unreachable; 4]);
        assert_eq!([8_000, 10_334, 14_031].map(of), [StoreErrorKind::Full; 3]);
        assert_eq!([13, 18].map(of), [StoreErrorKind::Refused; 2]);
        assert_eq!(of_code(8_000, || "bad auth".to_owned()), StoreErrorKind::Refused);
        assert_eq!([DUPLICATE_KEY, NOT_IMPLEMENTED].map(of), [StoreErrorKind::Other; 2]);
    }

    #[test]
    fn the_network_fails_in_time_or_out_of_it() {
        let of = |kind: io::ErrorKind| failure(io::Error::from(kind).into());
        assert_eq!(of(io::ErrorKind::TimedOut).kind(), StoreErrorKind::Timeout);
        assert_eq!(of(io::ErrorKind::ConnectionReset).kind(), StoreErrorKind::Unreachable);
        assert!(of(io::ErrorKind::BrokenPipe).source().is_some());
    }
}
