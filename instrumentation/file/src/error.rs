//! What the file system's errors mean for a store.

use std::io::{Error, ErrorKind};

use cachescope_core::shared::{StoreError, StoreErrorKind};

/// The error of a store, which names no file: those are called by keys' hashes.
pub(crate) fn store_error(error: Error) -> StoreError {
    StoreError::new(kind(&error), error)
}

fn kind(error: &Error) -> StoreErrorKind {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreErrorKind::Full,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreErrorKind::Refused,
        ErrorKind::TimedOut => StoreErrorKind::Timeout,
        ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::StaleNetworkFileHandle
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Other,
    }
}

/// `None` where there is no such file.
pub(crate) fn found<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn errors_are_of_the_kind_that_says_what_to_do() {
        let kinds = [
            (ErrorKind::StorageFull, StoreErrorKind::Full),
            (ErrorKind::FileTooLarge, StoreErrorKind::Full),
            (ErrorKind::PermissionDenied, StoreErrorKind::Refused),
            (ErrorKind::ReadOnlyFilesystem, StoreErrorKind::Refused),
            (ErrorKind::NotADirectory, StoreErrorKind::Unreachable),
            (ErrorKind::TimedOut, StoreErrorKind::Timeout),
            (ErrorKind::InvalidData, StoreErrorKind::Other),
        ];
        for (of, kind) in kinds {
            let error = store_error(of.into());
            assert_eq!(error.kind(), kind);
            assert!(error.source().is_some());
        }
    }
}
