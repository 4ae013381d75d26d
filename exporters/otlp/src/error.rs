//! Why an exporter could not be built.

use std::fmt;

/// Why an OTLP exporter could not be built.
///
/// The message names the variable, its value (never that of headers, never a URL's credentials) and what is accepted.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Variable { name: String, value: Option<String>, accepted: String },
    Thread(std::io::Error),
    Build(String),
}

impl Error {
    pub(crate) fn variable(name: &str, value: &str, accepted: impl Into<String>) -> Self {
        Self(Kind::Variable { name: name.to_owned(), value: Some(value.to_owned()), accepted: accepted.into() })
    }

    /// For variables whose value may hold a secret.
    pub(crate) fn secret_variable(name: &str, accepted: impl Into<String>) -> Self {
        Self(Kind::Variable { name: name.to_owned(), value: None, accepted: accepted.into() })
    }

    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    pub(crate) fn build(cause: &dyn fmt::Display) -> Self {
        Self(Kind::Build(cause.to_string()))
    }

    /// Whether an environment variable (or its default set in code) has a value that can't be honoured.
    ///
    /// ```
    /// let wrong = |name: &str| (name == "OTEL_EXPORTER_OTLP_PROTOCOL").then(|| "carrier-pigeon".to_owned());
    /// let error = cachescope_otlp::Otlp::from_lookup(&wrong).unwrap_err();
    /// assert!(error.is_variable());
    /// assert!(error.to_string().contains("OTEL_EXPORTER_OTLP_PROTOCOL is \"carrier-pigeon\""));
    /// ```
    #[must_use]
    pub fn is_variable(&self) -> bool {
        matches!(self.0, Kind::Variable { .. })
    }

    /// Whether the operating system refused the worker thread (for example at a limit of threads).
    #[must_use]
    pub fn is_thread(&self) -> bool {
        matches!(self.0, Kind::Thread(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Variable { name, value: Some(value), accepted } => {
                write!(f, "{name} is {value:?}: expected {accepted}")
            }
            Kind::Variable { name, value: None, accepted } => {
                write!(f, "{name} can't be read: expected {accepted}")
            }
            Kind::Thread(_) => f.write_str("can't start the worker thread of the OTLP exporters"),
            Kind::Build(cause) => write!(f, "can't build the OTLP exporter: {cause}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Thread(cause) => Some(cause),
            Kind::Variable { .. } | Kind::Build(_) => None,
        }
    }
}
