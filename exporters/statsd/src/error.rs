use std::fmt;

use cachescope_exporter::ConfigError;

/// A StatsD exporter could not be built. The message names the setting, its rule and its value.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Config(ConfigError),
    Resolve { host: String, cause: Option<std::io::Error> },
}

impl Error {
    pub(crate) fn resolve(host: &str, cause: Option<std::io::Error>) -> Self {
        Self(Kind::Resolve { host: host.to_owned(), cause })
    }

    /// Replaces the name of the setting with that of the variable that the value was read from.
    pub(crate) fn for_setting(self, variable: &str) -> Self {
        match self.0 {
            Kind::Config(error) => error.for_setting(variable).into(),
            other => Self(other),
        }
    }

    /// Returns whether a setting, in code or in an environment variable, has a value that isn't valid.
    ///
    /// ```
    /// let wrong = |name: &str| (name == "CACHESCOPE_STATSD_DIALECT").then(|| "bavarian".to_owned());
    /// let error = cachescope_statsd::StatsD::from_lookup(&wrong).unwrap_err();
    /// assert!(error.is_config());
    /// let expected = "CACHESCOPE_STATSD_DIALECT must be plain, tagged or dogstatsd, got \"bavarian\"";
    /// assert_eq!(error.to_string(), expected);
    /// ```
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self.0, Kind::Config(_))
    }

    /// Returns whether the server's host name couldn't be resolved.
    #[must_use]
    pub fn is_resolve(&self) -> bool {
        matches!(self.0, Kind::Resolve { .. })
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
            Kind::Resolve { host, .. } => {
                write!(f, "the StatsD host must be an IP address or a name that resolves to one, got {host:?}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Resolve { cause, .. } => cause.as_ref().map(|cause| cause as _),
            Kind::Config(_) => None,
        }
    }
}
