//! Why an exporter could not be built.

use std::fmt;

/// Why a StatsD exporter could not be built. The message names the setting, its value and what is accepted.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Setting { name: &'static str, value: String, accepted: &'static str },
    Resolve { host: String, cause: Option<std::io::Error> },
}

impl Error {
    pub(crate) fn setting(name: &'static str, value: &str, accepted: &'static str) -> Self {
        Self(Kind::Setting { name, value: value.to_owned(), accepted })
    }

    pub(crate) fn resolve(host: &str, cause: Option<std::io::Error>) -> Self {
        Self(Kind::Resolve { host: host.to_owned(), cause })
    }

    /// The same, of the variable that the setting was read from.
    pub(crate) fn of_variable(self, variable: &'static str) -> Self {
        match self.0 {
            Kind::Setting { value, accepted, .. } => Self(Kind::Setting { name: variable, value, accepted }),
            other => Self(other),
        }
    }

    /// Whether a setting, or the environment variable it was read from, has a value that can't be honoured.
    ///
    /// ```
    /// let wrong = |name: &str| (name == "CACHESCOPE_STATSD_DIALECT").then(|| "bavarian".to_owned());
    /// let error = cachescope_statsd::StatsD::from_lookup(&wrong).unwrap_err();
    /// assert!(error.is_setting());
    /// assert!(error.to_string().contains("CACHESCOPE_STATSD_DIALECT is \"bavarian\""));
    /// ```
    #[must_use]
    pub fn is_setting(&self) -> bool {
        matches!(self.0, Kind::Setting { .. })
    }

    /// Whether the server's host has no address.
    #[must_use]
    pub fn is_resolve(&self) -> bool {
        matches!(self.0, Kind::Resolve { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Setting { name, value, accepted } => write!(f, "{name} is {value:?}: expected {accepted}"),
            Kind::Resolve { host, .. } => {
                write!(f, "the StatsD server's host {host:?} has no address: name one that resolves, or an IP address")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Resolve { cause, .. } => cause.as_ref().map(|cause| cause as _),
            Kind::Setting { .. } => None,
        }
    }
}
