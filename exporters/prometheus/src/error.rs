//! Errors of the configuration, the rendering and the server.

use std::fmt;
use std::path::{Path, PathBuf};

use cachescope_exporter::ConfigError;

/// An error of the configuration, the rendering or the server.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Config(ConfigError),
    Bind {
        addr: String,
        cause: std::io::Error,
    },
    Thread(std::io::Error),
    Unavailable(&'static str),
    Auth(&'static str),
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[cfg(feature = "tls")]
    Tls(String),
}

impl Error {
    pub(crate) fn bind(addr: impl fmt::Display, cause: std::io::Error) -> Self {
        Self(Kind::Bind { addr: addr.to_string(), cause })
    }

    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    pub(crate) fn unavailable(reason: &'static str) -> Self {
        Self(Kind::Unavailable(reason))
    }

    pub(crate) fn auth(reason: &'static str) -> Self {
        Self(Kind::Auth(reason))
    }

    pub(crate) fn file(path: &Path, cause: std::io::Error) -> Self {
        Self(Kind::File { path: path.to_owned(), cause })
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(reason: impl Into<String>) -> Self {
        Self(Kind::Tls(reason.into()))
    }

    /// Whether an environment variable has a value that isn't accepted.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self.0, Kind::Config(_))
    }

    /// Whether the server can't listen on the address: it is taken, belongs to another machine, or isn't permitted.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        matches!(self.0, Kind::Bind { .. })
    }

    /// Whether a user name or a password isn't valid.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        matches!(self.0, Kind::Auth(_))
    }

    /// Whether the file of a password, a certificate or a key can't be read.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.0, Kind::File { .. })
    }

    /// Whether a certificate or its key isn't valid.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.0, Kind::Tls(_))
    }

    /// Whether there are no metrics: the reader belongs to no meter provider, the provider was shut down, or a callback
    /// of
    /// an instrument panicked.
    ///
    /// ```
    /// let (_reader, metrics) = cachescope_prometheus::exporter()?;
    /// assert!(metrics.encode().unwrap_err().is_unavailable());
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0, Kind::Unavailable(_))
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self(Kind::Config(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Config(error) => error.fmt(f),
            Kind::Bind { addr, .. } => write!(
                f,
                "failed to listen on {addr} for Prometheus: free the address, or set OTEL_EXPORTER_PROMETHEUS_HOST and \
                 OTEL_EXPORTER_PROMETHEUS_PORT (0 takes any free port)"
            ),
            Kind::Thread(_) => f.write_str("failed to start the thread of the Prometheus server"),
            Kind::Unavailable(reason) => write!(f, "no metrics available: {reason}"),
            Kind::Auth(reason) => f.write_str(reason),
            Kind::File { path, .. } => write!(f, "failed to read {} for the Prometheus server", path.display()),
            #[cfg(feature = "tls")]
            Kind::Tls(reason) => write!(f, "failed to set up TLS for the Prometheus server: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Bind { cause, .. } | Kind::Thread(cause) | Kind::File { cause, .. } => Some(cause),
            Kind::Config(_) | Kind::Unavailable(_) | Kind::Auth(_) => None,
            #[cfg(feature = "tls")]
            Kind::Tls(_) => None,
        }
    }
}
