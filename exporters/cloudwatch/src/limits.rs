//! The limits of CloudWatch, from its [reference] and its [quotas].
//!
//! [reference]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
//! [quotas]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html

use std::time::{Duration, SystemTime};

/// Metrics in one PutMetricData request.
pub(crate) const METRICS: usize = 1_000;

/// Bytes of a PutMetricData request's body before compression. The documented limit is "1 MB". This value is below both
/// meanings of that.
pub(crate) const BODY: usize = 900_000;

/// Distinct values of one metric in a PutMetricData request.
pub(crate) const VALUES: usize = 150;

/// Distinct values of one metric in a line of the Embedded Metric Format.
pub(crate) const EMF_VALUES: usize = 100;

/// Metrics in a line of the Embedded Metric Format.
pub(crate) const EMF_METRICS: usize = 100;

/// Bytes of a line of the Embedded Metric Format: the size of one log event that Lambda and older agents accept.
pub(crate) const EMF_LINE: usize = 256 * 1024;

/// Characters of a dimension's name in a line of the Embedded Metric Format.
pub(crate) const EMF_DIMENSION_NAME: usize = 250;

/// Dimensions of a metric.
pub(crate) const DIMENSIONS: usize = 30;

/// Characters of a namespace, of a metric's name and of a dimension's.
pub(crate) const NAME: usize = 255;

/// Characters of a dimension's value.
pub(crate) const DIMENSION_VALUE: usize = 1_024;

/// Returns the largest magnitude of a number: 2^360.
pub(crate) fn magnitude() -> f64 {
    2f64.powi(360)
}

/// Returns whether CloudWatch accepts `number`.
pub(crate) fn is_valid_number(number: f64) -> bool {
    number.is_finite() && number.abs() <= magnitude()
}

/// The limits for a time in the past and in the future. Each is an hour less than documented, for clock differences and
/// transmission.
const PAST: Duration = Duration::from_secs(14 * 24 * 3600 - 3600);
const FUTURE: Duration = Duration::from_secs(3600);

/// Returns whether CloudWatch accepts a metric of `time` at `now`.
pub(crate) fn is_valid_time(time: SystemTime, now: SystemTime) -> bool {
    match now.duration_since(time) {
        Ok(past) => past <= PAST,
        Err(ahead) => ahead.duration() <= FUTURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_valid_up_to_the_largest_magnitude() {
        for good in [0.0, -0.0, 1.5, magnitude(), -magnitude(), f64::MIN_POSITIVE] {
            assert!(is_valid_number(good), "{good}");
        }
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, magnitude().next_up(), -magnitude().next_up()] {
            assert!(!is_valid_number(bad), "{bad}");
        }
    }

    #[test]
    fn time_is_valid_within_two_weeks_back_and_two_hours_ahead() {
        let now = SystemTime::now();
        let day = Duration::from_secs(24 * 3600);
        assert!(is_valid_time(now, now) && is_valid_time(now - 13 * day, now) && is_valid_time(now + day / 48, now));
        assert!(!is_valid_time(now - 14 * day, now) && !is_valid_time(now + day / 12, now));
    }
}
