use std::fmt;

/// Why a CloudWatch exporter could not be built.
///
/// The message names the variable, its value (never that of credentials) and what is accepted.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Variable {
        name: String,
        /// None where it may hold a secret.
        value: Option<String>,
        accepted: &'static str,
    },
    Setting {
        name: &'static str,
        value: String,
        accepted: &'static str,
    },
    #[cfg(feature = "api")]
    Thread(std::io::Error),
}

impl Error {
    pub(crate) fn variable(name: &str, value: &str, accepted: &'static str) -> Self {
        Self(Kind::Variable { name: name.to_owned(), value: Some(value.to_owned()), accepted })
    }

    /// For variables that go with a secret.
    #[cfg(feature = "api")]
    pub(crate) fn secret(name: &str, accepted: &'static str) -> Self {
        Self(Kind::Variable { name: name.to_owned(), value: None, accepted })
    }

    pub(crate) fn setting(name: &'static str, value: &str, accepted: &'static str) -> Self {
        Self(Kind::Setting { name, value: value.to_owned(), accepted })
    }

    #[cfg(feature = "api")]
    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    /// Whether an environment variable has a value that can't be honoured.
    ///
    /// ```
    /// let wrong = |name: &str| (name == "CACHESCOPE_CLOUDWATCH_RESOLUTION").then(|| "5".to_owned());
    /// let error = cachescope_cloudwatch::CloudWatch::from_lookup(&wrong).unwrap_err();
    /// assert!(error.is_variable());
    /// assert!(error.to_string().contains("CACHESCOPE_CLOUDWATCH_RESOLUTION is \"5\""));
    /// ```
    #[must_use]
    pub fn is_variable(&self) -> bool {
        matches!(self.0, Kind::Variable { .. })
    }

    /// Whether the operating system refused the worker thread (for example at a limit of threads).
    #[must_use]
    pub fn is_thread(&self) -> bool {
        #[cfg(feature = "api")]
        let is_thread = matches!(self.0, Kind::Thread(_));
        #[cfg(not(feature = "api"))]
        let is_thread = false;
        is_thread
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Variable { name, value: Some(value), accepted } => {
                write!(f, "{name} is {value:?}: expected {accepted}")
            }
            Kind::Variable { name, value: None, accepted } => write!(f, "{name} can't be used: expected {accepted}"),
            Kind::Setting { name, value, accepted } => write!(f, "{name} is {value:?}: expected {accepted}"),
            #[cfg(feature = "api")]
            Kind::Thread(_) => f.write_str("can't start the worker thread of the CloudWatch exporter"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            #[cfg(feature = "api")]
            Kind::Thread(cause) => Some(cause),
            Kind::Variable { .. } | Kind::Setting { .. } => None,
        }
    }
}
