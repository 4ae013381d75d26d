//! The values of data points, in the SDK's three number types.

use serde::Serialize;

/// The value of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum PointValue {
    U64(u64),
    I64(i64),
    F64(f64),
}

impl From<u64> for PointValue {
    fn from(value: u64) -> Self {
        Self::U64(value)
    }
}

impl From<i64> for PointValue {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<f64> for PointValue {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl PointValue {
    #[expect(clippy::cast_precision_loss, reason = "approximate values are enough for the table")]
    pub(crate) fn approximate(self) -> f64 {
        match self {
            Self::U64(value) => value as f64,
            Self::I64(value) => value as f64,
            Self::F64(value) => value,
        }
    }
}
