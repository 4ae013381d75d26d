use cachescope_exporter::Number;
use cadence::MetricResult;
use cadence::ext::{MetricValue, ToCounterValue, ToDistributionValue, ToGaugeValue, ToTimerValue};

/// A number that can be written in a line.
pub(crate) trait LineNumber: Number {
    /// Returns the number as it is written, or `None` if it isn't finite.
    fn line_value(self) -> Option<LineValue>;
}

/// A number as it is written in a line. Some traits of `cadence` accept only integers, but StatsD accepts fractions too: as
/// an integer, a hit of 0.02 ms would be zero.
#[derive(Clone, Debug)]
pub(crate) struct LineValue(MetricValue);

impl LineNumber for u64 {
    fn line_value(self) -> Option<LineValue> {
        Some(LineValue(MetricValue::Unsigned(self)))
    }
}

impl LineNumber for i64 {
    fn line_value(self) -> Option<LineValue> {
        Some(LineValue(MetricValue::Signed(self)))
    }
}

impl LineNumber for f64 {
    fn line_value(self) -> Option<LineValue> {
        // The addition turns a negative zero into zero. Servers would take the sign for a change.
        self.is_finite().then_some(LineValue(MetricValue::Float(self + 0.0)))
    }
}

impl ToCounterValue for LineValue {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}

impl ToGaugeValue for LineValue {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}

impl ToTimerValue for LineValue {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}

impl ToDistributionValue for LineValue {
    fn try_to_value(self) -> MetricResult<MetricValue> {
        Ok(self.0)
    }
}
