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
    SamplingRule {
        value: String,
        accepted: &'static str,
    },
    #[cfg(feature = "signals")]
    Signals(std::io::Error),
    Feature {
        variable: &'static str,
        exporter: &'static str,
    },
    #[cfg_attr(
        not(any(
            feature = "cloudwatch",
            feature = "console",
            feature = "emf",
            feature = "otlp",
            feature = "prometheus",
            feature = "statsd"
        )),
        allow(dead_code, reason = "there is none compiled in")
    )]
    Exporter {
        cause: Box<dyn std::error::Error + Send + Sync>,
        is_variable: bool,
        is_bind: bool,
    },
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

    pub(crate) fn sampling_rule(value: &dyn fmt::Display, accepted: &'static str) -> Self {
        Self(Kind::SamplingRule { value: value.to_string(), accepted })
    }

    #[cfg(feature = "signals")]
    pub(crate) fn signals(cause: std::io::Error) -> Self {
        Self(Kind::Signals(cause))
    }

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
            Kind::Exporter { is_variable, .. } => *is_variable,
            _ => false,
        }
    }

    /// Whether a sampling rule or share that code gave is none.
    #[must_use]
    pub fn is_sampling_rule(&self) -> bool {
        matches!(self.0, Kind::SamplingRule { .. })
    }

    /// Whether signals can't be listened for: on a system that isn't Unix, never.
    #[cfg(feature = "signals")]
    #[must_use]
    pub fn is_signals(&self) -> bool {
        matches!(self.0, Kind::Signals(_))
    }

    /// Whether an exporter is asked for that is not compiled in.
    #[must_use]
    pub fn is_missing_feature(&self) -> bool {
        matches!(self.0, Kind::Feature { .. })
    }

    /// Whether the Prometheus server can't listen on its address.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        matches!(self.0, Kind::Exporter { is_bind: true, .. })
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

/// What the exporters' own errors are here.
impl Error {
    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(error: cachescope_otlp::Error) -> Self {
        let is_variable = error.is_variable();
        Self(Kind::Exporter { cause: error.into(), is_variable, is_bind: false })
    }

    #[cfg(feature = "prometheus")]
    pub(crate) fn prometheus(error: cachescope_prometheus::Error) -> Self {
        let (is_variable, is_bind) = (error.is_variable(), error.is_bind());
        Self(Kind::Exporter { cause: error.into(), is_variable, is_bind })
    }

    #[cfg(feature = "console")]
    pub(crate) fn console(error: cachescope_console::Error) -> Self {
        Self(Kind::Exporter { cause: error.into(), is_variable: true, is_bind: false })
    }

    #[cfg(any(feature = "cloudwatch", feature = "emf"))]
    pub(crate) fn cloudwatch(error: cachescope_cloudwatch::Error) -> Self {
        let is_variable = error.is_variable();
        Self(Kind::Exporter { cause: error.into(), is_variable, is_bind: false })
    }

    #[cfg(feature = "statsd")]
    pub(crate) fn statsd(error: cachescope_statsd::Error) -> Self {
        let is_variable = error.is_setting();
        Self(Kind::Exporter { cause: error.into(), is_variable, is_bind: false })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Variable { name, value, accepted } => write!(f, "{name} is {value:?}: expected {accepted}"),
            Kind::SamplingRule { value, accepted } => {
                write!(f, "the sampling rule or share is {value:?}: expected {accepted}")
            }
            #[cfg(feature = "signals")]
            Kind::Signals(_) => f.write_str(
                "can't listen for signals: handle them in the program, and drop the guard of telemetry at its end",
            ),
            Kind::Feature { variable, exporter } => write!(
                f,
                "{variable} or its default asks for {exporter:?}, which is not compiled in: turn on the cargo feature \
                 `{exporter}` of cachescope (or of cachescope-otel)"
            ),
            Kind::Exporter { cause, .. } => cause.fmt(f),
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
            Kind::Exporter { cause, .. } => cause.source(),
            Kind::Thread(cause) => Some(cause),
            #[cfg(feature = "signals")]
            Kind::Signals(cause) => Some(cause),
            _ => None,
        }
    }
}
