use std::fmt;
use std::path::{Path, PathBuf};

/// Why metrics could not be shown.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Variable {
        name: &'static str,
        value: String,
        accepted: &'static str,
    },
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
    pub(crate) fn variable(name: &'static str, value: &str, accepted: &'static str) -> Self {
        Self(Kind::Variable { name, value: value.to_owned(), accepted })
    }

    pub(crate) fn bind(addr: impl fmt::Display, cause: std::io::Error) -> Self {
        Self(Kind::Bind { addr: addr.to_string(), cause })
    }

    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    pub(crate) fn unavailable(why: &'static str) -> Self {
        Self(Kind::Unavailable(why))
    }

    pub(crate) fn auth(why: &'static str) -> Self {
        Self(Kind::Auth(why))
    }

    pub(crate) fn file(path: &Path, cause: std::io::Error) -> Self {
        Self(Kind::File { path: path.to_owned(), cause })
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(why: impl Into<String>) -> Self {
        Self(Kind::Tls(why.into()))
    }

    /// Whether an environment variable has a value that can't be honoured.
    #[must_use]
    pub fn is_variable(&self) -> bool {
        matches!(self.0, Kind::Variable { .. })
    }

    /// Whether the address can't be listened on: taken, not this machine's, or not allowed.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        matches!(self.0, Kind::Bind { .. })
    }

    /// Whether a name or a password can't be asked of a scraper.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        matches!(self.0, Kind::Auth(_))
    }

    /// Whether a file of a password, a certificate or a key can't be read.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.0, Kind::File { .. })
    }

    /// Whether a certificate and a key can't be used.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.0, Kind::Tls(_))
    }

    /// Whether there is nothing to show: the reader is in no meter provider, the provider was shut down, or a
    /// callback of an instrument panicked.
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Variable { name, value, accepted } => write!(f, "{name} is {value:?}: expected {accepted}"),
            Kind::Bind { addr, .. } => write!(
                f,
                "can't listen on {addr} for Prometheus: free it, or set OTEL_EXPORTER_PROMETHEUS_HOST and \
                 OTEL_EXPORTER_PROMETHEUS_PORT (0 takes any free port)"
            ),
            Kind::Thread(_) => f.write_str("can't start the thread of the Prometheus server"),
            Kind::Unavailable(why) => write!(f, "no metrics to show: {why}"),
            Kind::Auth(why) => f.write_str(why),
            Kind::File { path, .. } => write!(f, "can't read {} for the Prometheus server", path.display()),
            #[cfg(feature = "tls")]
            Kind::Tls(why) => write!(f, "can't serve Prometheus by TLS: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Bind { cause, .. } | Kind::Thread(cause) | Kind::File { cause, .. } => Some(cause),
            Kind::Variable { .. } | Kind::Unavailable(_) | Kind::Auth(_) => None,
            #[cfg(feature = "tls")]
            Kind::Tls(_) => None,
        }
    }
}
