//! Why the console exporters could not be set up.

use std::fmt;

/// A setting has a value that can't be honoured. The message names it, its value and what is accepted.
#[derive(Debug)]
pub struct Error {
    name: &'static str,
    value: String,
    accepted: &'static str,
}

impl Error {
    pub(crate) fn setting(name: &'static str, value: &str, accepted: &'static str) -> Self {
        Self { name, value: value.to_owned(), accepted }
    }

    pub(crate) fn of_variable(self, variable: &'static str) -> Self {
        Self { name: variable, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {:?}: expected {}", self.name, self.value, self.accepted)
    }
}

impl std::error::Error for Error {}
