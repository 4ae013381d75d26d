use std::time::Duration;

use crate::datum::Wording;
use crate::{Dimensions, Error, limits, text};

/// Reads a variable: from the process, from defaults set in code, or from a test's table.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How fine CloudWatch keeps what it gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// By the minute: an interval of a minute is enough.
    #[default]
    Minute,
    /// By the second, for three hours, after which it is by the minute too. Costs no more for each metric; alarms of
    /// less than a minute do, and so do more requests if the interval is shorter.
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

/// What becomes of metrics that were sent, and whose answer didn't come: CloudWatch may have stored them or not, and it
/// adds up what it is sent twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// They are given up, and counted as `DropReason::Unconfirmed`: sums are never too large.
    #[default]
    Drop,
    /// They are sent again: sums are never too small.
    Resend,
}

/// How long an interval's requests may take: at least, and at most. Much more is later than a clock can say.
pub(crate) const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(24 * 3600));

/// What the variables say, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) dimensions: Dimensions,
    pub(crate) resolution: Resolution,
    pub(crate) zeros: bool,
    pub(crate) timeout: Duration,
    pub(crate) on_unknown: OnUnknown,
    /// How many datums wait for the next interval at most.
    pub(crate) queue: usize,
    pub(crate) dry_run: bool,
    /// How often metrics are collected: for the cost alone.
    pub(crate) interval: Duration,
}

pub(crate) const NAMESPACE_ACCEPTED: &str =
    "1 to 255 of A-Z, a-z, 0-9, '.', '-', '_', '/', '#', ':' and blanks, with no colon and no AWS/ in front";

impl Settings {
    pub(crate) fn read(lookup: Lookup<'_>) -> Result<Self, Error> {
        let own = |what: &str| format!("CACHESCOPE_CLOUDWATCH_{what}");
        Ok(Self {
            namespace: value(lookup, &own("NAMESPACE"), NAMESPACE_ACCEPTED, |text| {
                text::is_namespace(text).then(|| text.to_owned())
            })?
            .unwrap_or_else(|| "cachescope".to_owned()),
            dimensions: value(lookup, &own("DIMENSIONS"), Dimensions::ACCEPTED, Dimensions::read)?.unwrap_or_default(),
            resolution: value(lookup, &own("RESOLUTION"), "60 or 1, in seconds", |text| match text {
                "60" => Some(Resolution::Minute),
                "1" => Some(Resolution::Second),
                _ => None,
            })?
            .unwrap_or_default(),
            zeros: value(lookup, &own("ZEROS"), "true or false", yes_or_no)?.unwrap_or(false),
            timeout: value(lookup, &own("TIMEOUT"), "milliseconds, a whole number from 100 to 86400000", |text| {
                let timeout = text.parse().ok().map(Duration::from_millis)?;
                (TIMEOUTS.0..=TIMEOUTS.1).contains(&timeout).then_some(timeout)
            })?
            .unwrap_or(Duration::from_secs(10)),
            on_unknown: value(lookup, &own("ON_UNKNOWN"), "drop or resend", |text| match text {
                "drop" => Some(OnUnknown::Drop),
                "resend" => Some(OnUnknown::Resend),
                _ => None,
            })?
            .unwrap_or_default(),
            queue: value(lookup, &own("QUEUE"), "a number of metrics, 0 or more", |text| text.parse().ok())?
                .unwrap_or(10_000),
            dry_run: value(lookup, &own("DRY_RUN"), "true or false", yes_or_no)?.unwrap_or(false),
            interval: value(lookup, "OTEL_METRIC_EXPORT_INTERVAL", "milliseconds, a whole number above 0", |text| {
                text.parse().ok().filter(|ms| *ms > 0).map(Duration::from_millis)
            })?
            .unwrap_or(Duration::from_secs(60)),
        })
    }

    #[cfg(feature = "api")]
    pub(crate) fn wording(&self) -> Wording {
        Wording { values: limits::VALUES, zeros: self.zeros }
    }

    pub(crate) fn emf_wording(&self) -> Wording {
        Wording { values: limits::EMF_VALUES, zeros: self.zeros }
    }
}

fn value<T>(
    lookup: Lookup<'_>,
    name: &str,
    accepted: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    let Some(text) = set(lookup, name) else { return Ok(None) };
    parse(&text).map(Some).ok_or_else(|| Error::variable(name, &text, accepted))
}

/// An empty value counts as unset, as the specification wants.
pub(crate) fn set(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, Error> {
        Settings::read(&|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn unset_and_empty_are_the_defaults() {
        let settings = read("CACHESCOPE_CLOUDWATCH_NAMESPACE", " ").unwrap();
        assert_eq!((settings.namespace.as_str(), settings.dimensions), ("cachescope", Dimensions::default()));
        assert_eq!((settings.resolution, settings.on_unknown), (Resolution::Minute, OnUnknown::Drop));
        assert_eq!((settings.queue, settings.timeout), (10_000, Duration::from_secs(10)));
        assert!(!settings.zeros && !settings.dry_run);
    }

    #[test]
    fn what_is_set_is_taken() {
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
    fn wrong_values_name_the_variable_and_what_is_accepted() {
        for (name, wrong, accepted) in [
            ("NAMESPACE", "AWS/mine", "no AWS/ in front"),
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
            let error = read(&name, wrong).map(|_| ()).unwrap_err();
            let text = error.to_string();
            assert!(error.is_variable(), "{text}");
            assert!(text.contains(&name) && text.contains(wrong) && text.contains(accepted), "{text}");
        }
    }
}
