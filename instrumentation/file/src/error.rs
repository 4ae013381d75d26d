//! Maps I/O errors to store errors.

use std::io::{Error, ErrorKind};

use cachescope_core::shared::{StoreError, StoreErrorKind};

/// Converts an I/O error. The result names no file, because file names are hashes of keys.
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

/// Returns `None` if the file doesn't exist.
pub(crate) fn if_exists<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(if_exists) => Ok(Some(if_exists)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn io_errors_map_to_store_error_kinds() {
        let kinds = [
            (ErrorKind::StorageFull, StoreErrorKind::Full),
            (ErrorKind::FileTooLarge, StoreErrorKind::Full),
            (ErrorKind::PermissionDenied, StoreErrorKind::Refused),
            (ErrorKind::ReadOnlyFilesystem, StoreErrorKind::Refused),
            (ErrorKind::NotADirectory, StoreErrorKind::Unreachable),
            (ErrorKind::TimedOut, StoreErrorKind::Timeout),
            (ErrorKind::InvalidData, StoreErrorKind::Other),
        ];
        for (io_kind, kind) in kinds {
            let error = store_error(io_kind.into());
            assert_eq!(error.kind(), kind);
            assert!(error.source().is_some());
        }
    }
}
