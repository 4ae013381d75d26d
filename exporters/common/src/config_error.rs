use std::fmt;

/// A setting, in code or in an environment variable, has a value that isn't valid.
///
/// The message names the setting, its rule and the value, unless the value may hold a secret:
///
/// ```
/// use cachescope_exporter::ConfigError;
///
/// let error = ConfigError::new("CARBON_FORMAT", "text or json", "xml");
/// assert_eq!(error.to_string(), "CARBON_FORMAT must be text or json, got \"xml\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    rule: String,
    got: Got,
    advice: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Value(String),
    Secret,
    Nothing,
}

impl ConfigError {
    /// Creates an error for a setting whose `value` breaks `rule`, a phrase that continues "must be".
    pub fn new(setting: impl Into<String>, rule: impl Into<String>, value: impl Into<String>) -> Self {
        Self::with(setting.into(), rule.into(), Got::Value(value.into()))
    }

    /// Creates an error for a setting whose value may hold a secret. The value is neither kept nor shown.
    ///
    /// ```
    /// let error = cachescope_exporter::ConfigError::secret("CARBON_HEADERS", "name=value pairs");
    /// let expected = "CARBON_HEADERS must be name=value pairs; its value isn't shown because it may hold a secret";
    /// assert_eq!(error.to_string(), expected);
    /// ```
    pub fn secret(setting: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::with(setting.into(), rule.into(), Got::Secret)
    }

    /// Creates an error for a setting that is unset although `other` is set.
    ///
    /// ```
    /// let error = cachescope_exporter::ConfigError::missing("CARBON_PASSWORD", "CARBON_USERNAME");
    /// assert_eq!(error.to_string(), "CARBON_PASSWORD must be set when CARBON_USERNAME is set");
    /// ```
    pub fn missing(setting: impl Into<String>, other: impl fmt::Display) -> Self {
        Self::with(setting.into(), format!("set when {other} is set"), Got::Nothing)
    }

    /// Appends `advice` to the message: a way to set things right that isn't obvious.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Replaces the name of the setting, with that of the variable that the value was read from.
    #[must_use]
    pub fn for_setting(mut self, setting: impl Into<String>) -> Self {
        self.setting = setting.into();
        self
    }

    fn with(setting: String, rule: String, got: Got) -> Self {
        Self { setting, rule, got, advice: None }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.setting, self.rule)?;
        match &self.got {
            Got::Value(value) => write!(f, ", got {value:?}")?,
            Got::Secret => f.write_str("; its value isn't shown because it may hold a secret")?,
            Got::Nothing => {}
        }
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_and_the_variable_s_name_are_in_the_message() {
        let error = ConfigError::new("the port", "a number", "x").advice("unset it").for_setting("CARBON_PORT");
        assert_eq!(error.to_string(), "CARBON_PORT must be a number, got \"x\"; unset it");
    }
}
