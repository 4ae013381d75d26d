//! Errors of the server.

use std::fmt;
use std::io;

/// An error of the start of the server.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Bind { address: String, cause: io::Error },
    Thread(io::Error),
}

impl Error {
    pub(crate) fn bind(address: impl fmt::Display, cause: io::Error) -> Self {
        Self(Kind::Bind { address: address.to_string(), cause })
    }

    pub(crate) fn thread(cause: io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    /// Whether the server can't listen on the address: it is taken, belongs to another machine, or isn't permitted.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        matches!(self.0, Kind::Bind { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Bind { address, cause } if cause.kind() == io::ErrorKind::AddrInUse => write!(
                f,
                "failed to serve the cache page on {address}: the address is in use, perhaps by another process's page; \
                 free it, or bind another (port 0 takes any free port)"
            ),
            Kind::Bind { address, .. } => {
                write!(
                    f,
                    "failed to serve the cache page on {address}: bind an address of this machine, such as 127.0.0.1:0"
                )
            }
            Kind::Thread(_) => f.write_str("failed to start the thread of the cache page"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Bind { cause, .. } | Kind::Thread(cause) => Some(cause),
        }
    }
}
