//! The error of an operation on a database.

use std::borrow::Cow;

/// The error of an operation. It never contains the text of the error, which may contain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationError {
    pub(super) error_type: Cow<'static, str>,
    pub(super) status_code: Option<Cow<'static, str>>,
}

impl OperationError {
    /// Creates an error of this type: the database's code, or the driver's kind or type. Use few different types,
    /// because each is a series.
    #[must_use]
    pub fn new(error_type: impl Into<Cow<'static, str>>) -> Self {
        Self { error_type: error_type.into(), status_code: None }
    }

    /// Sets the status code that the database returned, such as `23505`, `WRONGTYPE` or `11000`.
    #[must_use]
    pub fn status_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.status_code = Some(code.into());
        self
    }
}
