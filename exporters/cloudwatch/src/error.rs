use std::fmt;

use cachescope_exporter::ConfigError;

/// A CloudWatch exporter could not be built.
///
/// The message names the setting, its rule and its value. It never shows the value of credentials.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Config(ConfigError),
    #[cfg(feature = "api")]
    Thread(std::io::Error),
}

impl Error {
    #[cfg(feature = "api")]
    pub(crate) fn thread(cause: std::io::Error) -> Self {
        Self(Kind::Thread(cause))
    }

    /// Returns whether a setting, in code or in an environment variable, has a value that isn't valid.
    ///
    /// ```
    /// let wrong = |name: &str| (name == "CACHESCOPE_CLOUDWATCH_RESOLUTION").then(|| "5".to_owned());
    /// let error = cachescope_cloudwatch::CloudWatch::from_lookup(&wrong).unwrap_err();
    /// assert!(error.is_config());
    /// assert_eq!(error.to_string(), "CACHESCOPE_CLOUDWATCH_RESOLUTION must be 60 or 1 (seconds), got \"5\"");
    /// ```
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self.0, Kind::Config(_))
    }

    /// Returns whether the operating system refused the worker thread, for example at a limit of threads.
    #[must_use]
    pub fn is_thread(&self) -> bool {
        #[cfg(feature = "api")]
        let is_thread = matches!(self.0, Kind::Thread(_));
        #[cfg(not(feature = "api"))]
        let is_thread = false;
        is_thread
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
            #[cfg(feature = "api")]
            Kind::Thread(_) => f.write_str("failed to start the worker thread of the CloudWatch exporter"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            #[cfg(feature = "api")]
            Kind::Thread(cause) => Some(cause),
            Kind::Config(_) => None,
        }
    }
}
