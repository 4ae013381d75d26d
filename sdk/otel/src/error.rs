use std::fmt;
use std::time::Duration;

/// Why telemetry could not be set up, flushed or shut down.
///
/// The message says what to do: for a variable it has the name, the value and what is accepted.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Variable {
        name: String,
        value: String,
        accepted: String,
    },
    Feature {
        variable: &'static str,
        exporter: &'static str,
    },
    #[cfg(feature = "otlp")]
    Otlp(cachescope_otlp::Error),
    #[cfg(feature = "prometheus")]
    Prometheus(cachescope_prometheus::Error),
    Late {
        deadline: Duration,
        said: bool,
    },
    Undelivered(String),
    Thread(std::io::Error),
}

impl Error {
    pub(crate) fn variable(name: &str, value: &str, accepted: impl Into<String>) -> Self {
        Self(Kind::Variable { name: name.to_owned(), value: value.to_owned(), accepted: accepted.into() })
    }

    #[cfg_attr(
        all(feature = "otlp", feature = "prometheus"),
        expect(dead_code, reason = "with both features on there is no exporter left to miss")
    )]
    pub(crate) fn feature(variable: &'static str, exporter: &'static str) -> Self {
        Self(Kind::Feature { variable, exporter })
    }

    /// `said`: an exporter has told the user already who did not answer.
    pub(crate) fn late(deadline: Duration, said: bool) -> Self {
        Self(Kind::Late { deadline, said })
    }

    pub(crate) fn undelivered(cause: &dyn fmt::Display) -> Self {
        Self(Kind::Undelivered(cause.to_string()))
    }

    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    pub(crate) fn was_said(&self) -> bool {
        matches!(self.0, Kind::Late { said: true, .. } | Kind::Undelivered(_))
    }

    /// Whether a variable (or its default set in code) has a value that can't be honoured.
    ///
    /// ```
    /// let variables = |name: &str| (name == "OTEL_TRACES_EXPORTER").then(|| "zipkin".to_owned());
    /// let error = cachescope_otel::Setup::from_lookup(variables).init().unwrap_err();
    /// assert!(error.is_variable());
    /// assert!(error.to_string().starts_with("OTEL_TRACES_EXPORTER is \"zipkin\": expected"));
    /// ```
    #[must_use]
    pub fn is_variable(&self) -> bool {
        match &self.0 {
            Kind::Variable { .. } => true,
            #[cfg(feature = "otlp")]
            Kind::Otlp(error) => error.is_variable(),
            #[cfg(feature = "prometheus")]
            Kind::Prometheus(error) => error.is_variable(),
            _ => false,
        }
    }

    /// Whether an exporter is asked for that is not compiled in.
    #[must_use]
    pub fn is_missing_feature(&self) -> bool {
        matches!(self.0, Kind::Feature { .. })
    }

    /// Whether the Prometheus server can't listen on its address.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "prometheus")]
            Kind::Prometheus(error) => error.is_bind(),
            _ => false,
        }
    }

    /// Whether a flush or a shutdown did not end within its deadline.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Kind::Late { .. })
    }

    /// Whether a flush or a shutdown ended in time but an exporter failed to deliver.
    #[must_use]
    pub fn is_undelivered(&self) -> bool {
        matches!(self.0, Kind::Undelivered(_))
    }
}

#[cfg(feature = "otlp")]
impl Error {
    pub(crate) fn otlp(error: cachescope_otlp::Error) -> Self {
        Self(Kind::Otlp(error))
    }
}

#[cfg(feature = "prometheus")]
impl Error {
    pub(crate) fn prometheus(error: cachescope_prometheus::Error) -> Self {
        Self(Kind::Prometheus(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Variable { name, value, accepted } => write!(f, "{name} is {value:?}: expected {accepted}"),
            Kind::Feature { variable, exporter } => write!(
                f,
                "{variable} or its default asks for {exporter:?}, which is not compiled in: turn on the cargo feature \
                 `{exporter}` of cachescope (or of cachescope-otel)"
            ),
            #[cfg(feature = "otlp")]
            Kind::Otlp(error) => error.fmt(f),
            #[cfg(feature = "prometheus")]
            Kind::Prometheus(error) => error.fmt(f),
            Kind::Late { deadline, .. } => {
                write!(f, "telemetry was not delivered within {deadline:?}; what is left of it is lost at exit")
            }
            Kind::Undelivered(cause) => write!(f, "telemetry was not delivered: {cause}"),
            Kind::Thread(_) => f.write_str("can't start a thread to deliver telemetry on"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            #[cfg(feature = "otlp")]
            Kind::Otlp(error) => error.source(),
            #[cfg(feature = "prometheus")]
            Kind::Prometheus(error) => error.source(),
            Kind::Thread(cause) => Some(cause),
            _ => None,
        }
    }
}
