//! Maps the client's errors to store errors.

use std::fmt;
use std::io;

use cachescope_core::shared::{StoreError, StoreErrorKind};
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// The server's code for an `_id` that exists already.
pub(crate) const DUPLICATE_KEY: i32 = 11_000;

/// The server's code for an unsupported feature.
pub(crate) const NOT_IMPLEMENTED: i32 = 238;

/// Converts an error of the client.
pub(crate) fn store_error(error: Error) -> StoreError {
    StoreError::new(kind(&error), error)
}

/// Returns the server's code of an error, if the server reported it.
pub(crate) fn server_code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        _ => None,
    }
}

fn kind(error: &Error) -> StoreErrorKind {
    if let Some(code) = server_code(error) {
        return kind_of_code(code, || error.to_string());
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

fn kind_of_code(code: i32, text: impl FnOnce() -> String) -> StoreErrorKind {
    match code {
        // MaxTimeMSExpired, WriteConcernTimeout, NetworkTimeout, ExceededTimeLimit.
        50 | 64 | 89 | 202 | 262 => StoreErrorKind::Timeout,
        // HostUnreachable, HostNotFound, ShutdownInProgress, FailedToSatisfyReadPreference, PrimarySteppedDown,
        // SocketException, NotWritablePrimary, Interrupted..., NotPrimary...: another server must take over first.
        6 | 7 | 91 | 133 | 189 | 9_001 | 10_107 | 11_600 | 11_602 | 13_435 | 13_436 => StoreErrorKind::Unreachable,
        // OutOfDiskSpace, and documents above 16 MiB, as sent or as the result of an update.
        14_031 | 10_334 | 17_280 | 17_419 | 17_420 => StoreErrorKind::Full,
        // Unauthorized, AuthenticationFailed.
        13 | 18 => StoreErrorKind::Refused,
        // Atlas uses one code for all refusals.
        8_000 if text().contains("quota") => StoreErrorKind::Full,
        8_000 => StoreErrorKind::Refused,
        _ => StoreErrorKind::Other,
    }
}

/// A value that is too large for a document.
#[derive(Debug)]
pub(crate) struct ValueTooLarge {
    pub(crate) bytes: usize,
    pub(crate) limit: usize,
}

impl fmt::Display for ValueTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "value must be at most {} bytes, got {} bytes: MongoDB limits documents to 16 MiB",
            self.limit, self.bytes
        )
    }
}

impl std::error::Error for ValueTooLarge {}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn of(server_code: i32) -> StoreErrorKind {
        kind_of_code(server_code, || "you are over your space quota".to_owned())
    }

    #[test]
    fn server_codes_map_to_store_error_kinds() {
        assert_eq!([50, 262].map(of), [StoreErrorKind::Timeout; 2]);
        assert_eq!([91, 189, 10_107, 13_435].map(of), [StoreErrorKind::Unreachable; 4]);
        assert_eq!([8_000, 10_334, 14_031].map(of), [StoreErrorKind::Full; 3]);
        assert_eq!([13, 18].map(of), [StoreErrorKind::Refused; 2]);
        assert_eq!(kind_of_code(8_000, || "bad auth".to_owned()), StoreErrorKind::Refused);
        assert_eq!([DUPLICATE_KEY, NOT_IMPLEMENTED].map(of), [StoreErrorKind::Other; 2]);
    }

    #[test]
    fn network_errors_are_timeout_or_unreachable() {
        let of = |kind: io::ErrorKind| store_error(io::Error::from(kind).into());
        assert_eq!(of(io::ErrorKind::TimedOut).kind(), StoreErrorKind::Timeout);
        assert_eq!(of(io::ErrorKind::ConnectionReset).kind(), StoreErrorKind::Unreachable);
        assert!(of(io::ErrorKind::BrokenPipe).source().is_some());
    }
}
