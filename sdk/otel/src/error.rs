//! Errors of set-up, flush and shutdown.

use std::fmt;
use std::time::Duration;

use cachescope_exporter::ConfigError;

/// An error of the set-up, the flush or the shutdown of telemetry.
///
/// The message of a wrong variable has its name, its rule and its value. Other messages name a remedy.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Config(ConfigError),
    SamplingRule {
        value: String,
        rule: &'static str,
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
        allow(dead_code, reason = "no exporter is compiled in")
    )]
    Exporter {
        cause: Box<dyn std::error::Error + Send + Sync>,
        is_config: bool,
        is_bind: bool,
    },
    Timeout {
        deadline: Duration,
        is_logged: bool,
    },
    Undelivered(String),
    Thread(std::io::Error),
}

impl Error {
    /// Creates the error of a variable whose value breaks `rule`, a phrase that continues "must be".
    pub(crate) fn variable(name: &str, value: &str, rule: impl Into<String>) -> Self {
        Self(Kind::Config(ConfigError::new(name, rule, value)))
    }

    pub(crate) fn sampling_rule(value: &dyn fmt::Display, rule: &'static str) -> Self {
        Self(Kind::SamplingRule { value: value.to_string(), rule })
    }

    #[cfg(feature = "signals")]
    pub(crate) fn signals(cause: std::io::Error) -> Self {
        Self(Kind::Signals(cause))
    }

    pub(crate) fn feature(variable: &'static str, exporter: &'static str) -> Self {
        Self(Kind::Feature { variable, exporter })
    }

    /// `is_logged`: whether an exporter has logged which destination did not answer.
    pub(crate) fn timeout(deadline: Duration, is_logged: bool) -> Self {
        Self(Kind::Timeout { deadline, is_logged })
    }

    pub(crate) fn undelivered(cause: &dyn fmt::Display) -> Self {
        Self(Kind::Undelivered(cause.to_string()))
    }

    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    /// Whether an exporter has logged the failure.
    pub(crate) fn is_logged(&self) -> bool {
        matches!(self.0, Kind::Timeout { is_logged: true, .. } | Kind::Undelivered(_))
    }

    /// Whether a variable, or its default set in code, has a value that isn't accepted.
    ///
    /// ```
    /// let variables = |name: &str| (name == "OTEL_TRACES_EXPORTER").then(|| "zipkin".to_owned());
    /// let error = cachescope_otel::Setup::from_lookup(variables).init().unwrap_err();
    /// assert!(error.is_config());
    /// assert!(error.to_string().starts_with("OTEL_TRACES_EXPORTER must be "));
    /// ```
    #[must_use]
    pub fn is_config(&self) -> bool {
        match &self.0 {
            Kind::Config(_) => true,
            Kind::Exporter { is_config, .. } => *is_config,
            _ => false,
        }
    }

    /// Whether a sampling rule or a sampling ratio set in code isn't valid.
    #[must_use]
    pub fn is_sampling_rule(&self) -> bool {
        matches!(self.0, Kind::SamplingRule { .. })
    }

    /// Whether listening for signals failed. Signals are supported only on Unix.
    #[cfg(feature = "signals")]
    #[must_use]
    pub fn is_signals(&self) -> bool {
        matches!(self.0, Kind::Signals(_))
    }

    /// Whether an exporter was selected that is not compiled in.
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
        matches!(self.0, Kind::Timeout { .. })
    }

    /// Whether a flush or a shutdown ended in time, but an exporter failed to deliver.
    #[must_use]
    pub fn is_undelivered(&self) -> bool {
        matches!(self.0, Kind::Undelivered(_))
    }
}

/// Conversions from the exporters' errors.
impl Error {
    #[cfg(feature = "otlp")]
    pub(crate) fn otlp(error: cachescope_otlp::Error) -> Self {
        let is_config = error.is_config();
        Self(Kind::Exporter { cause: error.into(), is_config, is_bind: false })
    }

    #[cfg(feature = "prometheus")]
    pub(crate) fn prometheus(error: cachescope_prometheus::Error) -> Self {
        let (is_config, is_bind) = (error.is_config(), error.is_bind());
        Self(Kind::Exporter { cause: error.into(), is_config, is_bind })
    }

    #[cfg(feature = "console")]
    pub(crate) fn console(error: cachescope_console::Error) -> Self {
        Self(Kind::Exporter { cause: error.into(), is_config: true, is_bind: false })
    }

    #[cfg(any(feature = "cloudwatch", feature = "emf"))]
    pub(crate) fn cloudwatch(error: cachescope_cloudwatch::Error) -> Self {
        let is_config = error.is_config();
        Self(Kind::Exporter { cause: error.into(), is_config, is_bind: false })
    }

    #[cfg(feature = "statsd")]
    pub(crate) fn statsd(error: cachescope_statsd::Error) -> Self {
        let is_config = error.is_config();
        Self(Kind::Exporter { cause: error.into(), is_config, is_bind: false })
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
            Kind::SamplingRule { value, rule } => {
                write!(f, "the sampling rule or ratio must be {rule}, got {value:?}")
            }
            #[cfg(feature = "signals")]
            Kind::Signals(_) => f.write_str(
                "failed to listen for signals: handle them in the program, and drop the telemetry guard at its end",
            ),
            Kind::Feature { variable, exporter } => write!(
                f,
                "{variable} or its default selects {exporter:?}, which is not compiled in: turn on the cargo feature \
                 `{exporter}` of cachescope (or of cachescope-otel)"
            ),
            Kind::Exporter { cause, .. } => cause.fmt(f),
            Kind::Timeout { deadline, .. } => {
                write!(f, "telemetry was not delivered within {deadline:?}; undelivered telemetry is lost at exit")
            }
            Kind::Undelivered(cause) => write!(f, "telemetry was not delivered: {cause}"),
            Kind::Thread(_) => f.write_str("failed to start a thread for the delivery of telemetry"),
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
