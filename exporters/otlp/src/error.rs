use std::fmt;

use cachescope_exporter::ConfigError;

/// An OTLP exporter could not be built.
///
/// The message names the variable, its rule and its value. It never shows the value of headers or a URL's credentials.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Config(ConfigError),
    Thread(std::io::Error),
    Build(String),
}

impl Error {
    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    pub(crate) fn build(cause: &dyn fmt::Display) -> Self {
        Self(Kind::Build(cause.to_string()))
    }

    /// Returns whether an environment variable, or its default set in code, has a value that isn't valid.
    ///
    /// ```
    /// let wrong = |name: &str| (name == "OTEL_EXPORTER_OTLP_PROTOCOL").then(|| "carrier-pigeon".to_owned());
    /// let error = cachescope_otlp::Otlp::from_lookup(&wrong).unwrap_err();
    /// assert!(error.is_config());
    /// let expected = "OTEL_EXPORTER_OTLP_PROTOCOL must be grpc, http/protobuf or http/json, got \"carrier-pigeon\"";
    /// assert_eq!(error.to_string(), expected);
    /// ```
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self.0, Kind::Config(_))
    }

    /// Returns whether the operating system refused the worker thread, for example at a limit of threads.
    #[must_use]
    pub fn is_thread(&self) -> bool {
        matches!(self.0, Kind::Thread(_))
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
            Kind::Thread(_) => f.write_str("failed to start the worker thread of the OTLP exporters"),
            Kind::Build(cause) => write!(f, "failed to build the OTLP exporter: {cause}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Thread(cause) => Some(cause),
            Kind::Config(_) | Kind::Build(_) => None,
        }
    }
}
