use std::fmt;
use std::time::Duration;

use crate::ConfigError;

/// A function that returns the value of an environment variable: from the process, from defaults set in code, or from a
/// test.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns the value of a variable of the process's environment.
///
/// Bytes that aren't UTF-8 are replaced by U+FFFD. A malformed value is then refused, instead of counting as unset.
#[must_use]
pub fn process_variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Returns `value` without surrounding white space, or `None` if nothing is left: an empty variable counts as unset, as
/// OpenTelemetry's specification requires.
#[must_use]
pub fn non_empty(value: &str) -> Option<String> {
    Some(value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Reads settings from environment variables, through a [`Lookup`].
///
/// Values are trimmed, and an empty value counts as unset.
///
/// ```
/// use cachescope_exporter::Variables;
///
/// let lookup = |name: &str| (name == "CARBON_TIMEOUT").then(|| "250".to_owned());
/// let timeout = Variables::new(&lookup).milliseconds("CARBON_TIMEOUT")?;
/// assert_eq!(timeout, Some(std::time::Duration::from_millis(250)));
/// # Ok::<(), cachescope_exporter::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Variables<'a> {
    lookup: Lookup<'a>,
}

impl<'a> Variables<'a> {
    /// Creates a reader that calls `lookup` for each variable.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup }
    }

    /// Returns the variable's value.
    #[must_use]
    pub fn get(self, name: &str) -> Option<String> {
        (self.lookup)(name).and_then(|value| non_empty(&value))
    }

    /// Returns the first of `names` that is set, and its value.
    pub fn first<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Option<(String, String)> {
        names.into_iter().find_map(|name| Some((name.as_ref().to_owned(), self.get(name.as_ref())?)))
    }

    /// Returns what `parse` makes of the variable's value; `rule` names the accepted values, and continues "must be".
    ///
    /// # Errors
    ///
    /// The variable is set, and `parse` returns `None`.
    pub fn parse<T>(
        self,
        name: &str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        parse(&value).map(Some).ok_or_else(|| ConfigError::new(name, rule, value))
    }

    /// Returns whether the variable is `true` or `false`, in any case.
    ///
    /// # Errors
    ///
    /// The variable has another value.
    pub fn boolean(self, name: &str) -> Result<Option<bool>, ConfigError> {
        self.parse(name, "true or false", |value| match value.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    /// Returns the variable's duration, written as a whole number of milliseconds above 0.
    ///
    /// # Errors
    ///
    /// The variable has another value.
    pub fn milliseconds(self, name: &str) -> Result<Option<Duration>, ConfigError> {
        self.parse(name, "a whole number of milliseconds above 0", |value| {
            value.parse().ok().filter(|ms| *ms > 0).map(Duration::from_millis)
        })
    }
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_trimmed_and_empty_ones_are_unset() {
        let lookup = |name: &str| match name {
            "A" => Some(" a ".to_owned()),
            "B" => Some("  ".to_owned()),
            _ => None,
        };
        let variables = Variables::new(&lookup);
        assert_eq!([variables.get("A").as_deref(), variables.get("B").as_deref()], [Some("a"), None]);
        assert_eq!(variables.first(["C", "B", "A"]), Some(("A".to_owned(), "a".to_owned())));
        assert_eq!(variables.first(["C"]), None);
    }

    #[test]
    fn wrong_values_are_errors_and_unset_ones_are_none() {
        let read = |value: &'static str| {
            let lookup = move |_: &str| Some(value.to_owned());
            let variables = Variables::new(&lookup);
            (variables.boolean("X").ok(), variables.milliseconds("X").ok())
        };
        assert_eq!(read(""), (Some(None), Some(None)));
        assert_eq!(read("True"), (Some(Some(true)), None));
        assert_eq!(read("7"), (None, Some(Some(Duration::from_millis(7)))));
        for wrong in ["0", "-1", "1s", "1.5", "yes"] {
            assert_eq!(read(wrong), (None, None), "{wrong}");
        }
    }
}
