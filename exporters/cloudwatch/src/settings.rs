use std::time::Duration;

use cachescope_exporter::{ConfigError, Variables};

use crate::datum::DatumOptions;
use crate::{Dimensions, limits, sanitize};

/// The resolution at which CloudWatch stores metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// One minute. Use it with an export interval of a minute.
    #[default]
    Minute,
    /// One second for three hours, and then one minute. It costs no more for each metric. Alarms with periods below a minute
    /// cost more, and so do the additional requests of a shorter export interval.
    Second,
}

impl Resolution {
    pub(crate) fn seconds(self) -> i32 {
        match self {
            Self::Minute => 60,
            Self::Second => 1,
        }
    }
}

/// The handling of metrics that were sent without getting a response. CloudWatch may have stored them, and it adds up
/// metrics that are sent twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// Drops them, and counts them as `DropReason::Unconfirmed`. Sums are never too large.
    #[default]
    Drop,
    /// Sends them again. Sums are never too small.
    Resend,
}

/// The smallest and the largest timeout. A much larger timeout would overflow the clock.
pub(crate) const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(24 * 3600));

/// The settings of the exporters.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) dimensions: Dimensions,
    pub(crate) resolution: Resolution,
    pub(crate) zeros: bool,
    pub(crate) timeout: Duration,
    pub(crate) on_unknown: OnUnknown,
    /// The capacity of the retry queue, in datums.
    pub(crate) queue: usize,
    pub(crate) dry_run: bool,
    /// The export interval. Used for the cost estimate only.
    pub(crate) interval: Duration,
}

pub(crate) const NAMESPACE_RULE: &str =
    "1 to 255 of A-Z, a-z, 0-9, '.', '-', '_', '/', '#', ':' and blanks, without a leading colon or AWS/";

impl Settings {
    /// Reads and checks the variables.
    pub(crate) fn read(variables: Variables<'_>) -> Result<Self, ConfigError> {
        let own = |suffix: &str| format!("CACHESCOPE_CLOUDWATCH_{suffix}");
        Ok(Self {
            namespace: variables
                .parse(&own("NAMESPACE"), NAMESPACE_RULE, |text| sanitize::is_namespace(text).then(|| text.to_owned()))?
                .unwrap_or_else(|| "cachescope".to_owned()),
            dimensions: variables.parse(&own("DIMENSIONS"), Dimensions::RULE, Dimensions::read)?.unwrap_or_default(),
            resolution: variables
                .parse(&own("RESOLUTION"), "60 or 1 (seconds)", |text| match text {
                    "60" => Some(Resolution::Minute),
                    "1" => Some(Resolution::Second),
                    _ => None,
                })?
                .unwrap_or_default(),
            zeros: variables.boolean(&own("ZEROS"))?.unwrap_or(false),
            timeout: variables
                .parse(&own("TIMEOUT"), "a whole number of milliseconds from 100 to 86400000", |text| {
                    let timeout = text.parse().ok().map(Duration::from_millis)?;
                    (TIMEOUTS.0..=TIMEOUTS.1).contains(&timeout).then_some(timeout)
                })?
                .unwrap_or(Duration::from_secs(10)),
            on_unknown: variables
                .parse(&own("ON_UNKNOWN"), "drop or resend", |text| match text {
                    "drop" => Some(OnUnknown::Drop),
                    "resend" => Some(OnUnknown::Resend),
                    _ => None,
                })?
                .unwrap_or_default(),
            queue: variables
                .parse(&own("QUEUE"), "a number of metrics, 0 or more", |text| text.parse().ok())?
                .unwrap_or(10_000),
            dry_run: variables.boolean(&own("DRY_RUN"))?.unwrap_or(false),
            interval: variables.milliseconds("OTEL_METRIC_EXPORT_INTERVAL")?.unwrap_or(Duration::from_secs(60)),
        })
    }

    #[cfg(feature = "api")]
    pub(crate) fn datum_options(&self) -> DatumOptions {
        DatumOptions { max_values: limits::VALUES, zeros: self.zeros }
    }

    pub(crate) fn emf_datum_options(&self) -> DatumOptions {
        DatumOptions { max_values: limits::EMF_VALUES, zeros: self.zeros }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, ConfigError> {
        Settings::read(Variables::new(&|asked| (asked == name).then(|| value.to_owned())))
    }

    #[test]
    fn unset_and_empty_variables_are_defaults() {
        let settings = read("CACHESCOPE_CLOUDWATCH_NAMESPACE", " ").unwrap();
        assert_eq!((settings.namespace.as_str(), settings.dimensions), ("cachescope", Dimensions::default()));
        assert_eq!((settings.resolution, settings.on_unknown), (Resolution::Minute, OnUnknown::Drop));
        assert_eq!((settings.queue, settings.timeout), (10_000, Duration::from_secs(10)));
        assert!(!settings.zeros && !settings.dry_run);
    }

    #[test]
    fn variables_are_read() {
        assert_eq!(read("CACHESCOPE_CLOUDWATCH_NAMESPACE", "team/api").unwrap().namespace, "team/api");
        assert_eq!(read("CACHESCOPE_CLOUDWATCH_RESOLUTION", "1").unwrap().resolution, Resolution::Second);
        assert_eq!(read("CACHESCOPE_CLOUDWATCH_ON_UNKNOWN", "resend").unwrap().on_unknown, OnUnknown::Resend);
        assert_eq!(read("CACHESCOPE_CLOUDWATCH_QUEUE", "0").unwrap().queue, 0);
        assert_eq!(read("CACHESCOPE_CLOUDWATCH_TIMEOUT", "2500").unwrap().timeout, Duration::from_millis(2_500));
        assert!(read("CACHESCOPE_CLOUDWATCH_ZEROS", "True").unwrap().zeros);
        assert!(read("CACHESCOPE_CLOUDWATCH_DRY_RUN", "true").unwrap().dry_run);
        assert_eq!(read("CACHESCOPE_CLOUDWATCH_DIMENSIONS", "a;b").unwrap().dimensions.to_string(), "a;b");
        assert_eq!(read("OTEL_METRIC_EXPORT_INTERVAL", "5000").unwrap().interval, Duration::from_secs(5));
    }

    #[test]
    fn invalid_value_is_reported_with_its_variable_and_rule() {
        for (name, wrong, accepted) in [
            ("NAMESPACE", "AWS/mine", "without a leading colon or AWS/"),
            ("DIMENSIONS", "a,,b", "service.name,*"),
            ("RESOLUTION", "30", "60 or 1"),
            ("ZEROS", "maybe", "true or false"),
            ("TIMEOUT", "5", "100 to 86400000"),
            ("TIMEOUT", "18446744073709551615", "100 to 86400000"),
            ("ON_UNKNOWN", "shrug", "drop or resend"),
            ("QUEUE", "-1", "0 or more"),
            ("DRY_RUN", "wet", "true or false"),
        ] {
            let name = format!("CACHESCOPE_CLOUDWATCH_{name}");
            let text = read(&name, wrong).map(|_| ()).unwrap_err().to_string();
            assert!(text.contains(&name) && text.contains(wrong) && text.contains(accepted), "{text}");
        }
    }
}
