//! What CloudWatch takes at most, as its [reference] and its [quotas] have it.
//!
//! [reference]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
//! [quotas]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html

use std::time::{Duration, SystemTime};

/// Metrics of a PutMetricData.
pub(crate) const METRICS: usize = 1_000;

/// Bytes of a PutMetricData's body, packed or not. The documented limit is "1 MB"; this is some way below either reading
/// of that, and is held unpacked.
pub(crate) const BODY: usize = 900_000;

/// Distinct values of one metric in a PutMetricData.
pub(crate) const VALUES: usize = 150;

/// Distinct values of one metric in a line of the Embedded Metric Format.
pub(crate) const EMF_VALUES: usize = 100;

/// Metrics in a line of the Embedded Metric Format.
pub(crate) const EMF_METRICS: usize = 100;

/// Bytes of such a line: what Lambda and older agents take of one log event.
pub(crate) const EMF_LINE: usize = 256 * 1024;

/// Characters of a dimension's name in such a line.
pub(crate) const EMF_DIMENSION_NAME: usize = 250;

/// Dimensions of a metric.
pub(crate) const DIMENSIONS: usize = 30;

/// Characters of a namespace, of a metric's name and of a dimension's.
pub(crate) const NAME: usize = 255;

/// Characters of a dimension's value.
pub(crate) const DIMENSION_VALUE: usize = 1_024;

/// The largest magnitude of a number: 2^360.
pub(crate) fn magnitude() -> f64 {
    2f64.powi(360)
}

/// Whether `number` can be said.
pub(crate) fn takes_number(number: f64) -> bool {
    number.is_finite() && number.abs() <= magnitude()
}

/// How far back, and how far ahead, a time may lie; each less an hour, for clocks that differ and for the way there.
const PAST: Duration = Duration::from_secs(14 * 24 * 3600 - 3600);
const FUTURE: Duration = Duration::from_secs(3600);

/// Whether something of `time` is taken at `now`.
pub(crate) fn takes_time(time: SystemTime, now: SystemTime) -> bool {
    match now.duration_since(time) {
        Ok(past) => past <= PAST,
        Err(ahead) => ahead.duration() <= FUTURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stop_where_cloudwatch_does() {
        for good in [0.0, -0.0, 1.5, magnitude(), -magnitude(), f64::MIN_POSITIVE] {
            assert!(takes_number(good), "{good}");
        }
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, magnitude().next_up(), -magnitude().next_up()] {
            assert!(!takes_number(bad), "{bad}");
        }
    }

    #[test]
    fn times_are_within_two_weeks_back_and_two_hours_ahead() {
        let now = SystemTime::now();
        let day = Duration::from_secs(24 * 3600);
        assert!(takes_time(now, now) && takes_time(now - 13 * day, now) && takes_time(now + day / 48, now));
        assert!(!takes_time(now - 14 * day, now) && !takes_time(now + day / 12, now));
    }
}
