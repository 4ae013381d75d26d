//! The SDK's three kinds of numbers.

use cadence::MetricResult;
use cadence::ext::{MetricValue, ToCounterValue, ToDistributionValue, ToGaugeValue, ToTimerValue};

/// One of the SDK's three kinds of numbers.
pub(crate) trait Number: Copy {
    /// As it is written; none if it isn't a number.
    fn exact(self) -> Option<Written>;

    /// To reckon with.
    fn approximate(self) -> f64;
}

/// A number as it goes into a line. The traits of `cadence` take integers where StatsD takes fractions too (a hit of
/// 0.02 ms would be none), but let others say what is written.
#[derive(Clone, Debug)]
pub(crate) struct Written(MetricValue);

impl Number for u64 {
    fn exact(self) -> Option<Written> {
        Some(Written(MetricValue::Unsigned(self)))
    }

    #[expect(clippy::cast_precision_loss, reason = "approximate")]
    fn approximate(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    fn exact(self) -> Option<Written> {
        Some(Written(MetricValue::Signed(self)))
    }

    #[expect(clippy::cast_precision_loss, reason = "approximate")]
    fn approximate(self) -> f64 {
        self as f64
    }
}

impl Number for f64 {
    fn exact(self) -> Option<Written> {
        // The sum turns a negative zero, whose sign would be taken for a change, into zero.
        self.is_finite().then_some(Written(MetricValue::Float(self + 0.0)))
    }

    fn approximate(self) -> f64 {
        self
    }
}

impl ToCounterValue for Written {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}

impl ToGaugeValue for Written {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}

impl ToTimerValue for Written {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}

impl ToDistributionValue for Written {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}
