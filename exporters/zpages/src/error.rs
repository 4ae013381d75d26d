use std::fmt;
use std::io;

/// Why there is no server.
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

    /// Whether the address can't be listened on: taken, not this machine's, or not allowed.
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
                "can't show caches on {address}, which is taken, perhaps by another process's page: free it, or bind \
                 another (port 0 takes any free one)"
            ),
            Kind::Bind { address, .. } => {
                write!(f, "can't show caches on {address}: bind an address of this machine, as 127.0.0.1:0")
            }
            Kind::Thread(_) => f.write_str("can't start the thread of the page of caches"),
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
