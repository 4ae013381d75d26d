//! The SDK's three kinds of numbers, as they are.

use serde::Serialize;

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Natural(u64),
    Whole(i64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Natural(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl Number {
    #[expect(clippy::cast_precision_loss, reason = "to reckon with")]
    pub(crate) fn approximate(self) -> f64 {
        match self {
            Self::Natural(value) => value as f64,
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }
}
