//! Names of families and labels, as Prometheus accepts them.

use std::borrow::Cow;

use crate::metric_type::MetricType;
use crate::unit;

/// The suffix of a counter's series, and in the text format also of its family.
pub(crate) const TOTAL: &str = "_total";

/// The name of a metric family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FamilyName {
    /// The name in OpenMetrics: without the `_total` of a counter.
    pub(crate) base: String,
    /// The suffix of the base, if the metric has a unit.
    pub(crate) unit: Option<Cow<'static, str>>,
}

impl FamilyName {
    /// Converts the name of an instrument. A unit or a counter's `_total` that the name ends in isn't appended again.
    pub(crate) fn new(instrument: &str, unit: &str, metric_type: MetricType) -> Self {
        let mut base = metric(instrument);
        if metric_type == MetricType::Counter
            && let Some(bare) = base.strip_suffix(TOTAL).filter(|bare| !bare.is_empty()).map(str::len)
        {
            base.truncate(bare);
        }
        // Only a gauge can be a ratio: the unit 1 of a counter names no particular thing.
        let unit =
            if unit == "1" && metric_type == MetricType::Gauge { Some("ratio".into()) } else { unit::words(unit) };
        if let Some(unit) = &unit
            && !ends_in_word(&base, unit)
        {
            base.push('_');
            base.push_str(unit);
        }
        Self { base, unit }
    }

    /// Returns the name in the text format.
    pub(crate) fn full(&self, metric_type: MetricType) -> String {
        if metric_type == MetricType::Counter { format!("{}{TOTAL}", self.base) } else { self.base.clone() }
    }
}

fn ends_in_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
}

/// Converts the name of an instrument: a run of characters that Prometheus doesn't accept becomes one `_`.
fn metric(instrument: &str) -> String {
    let mut name = String::with_capacity(instrument.len() + 16);
    if instrument.starts_with(|first: char| first.is_ascii_digit()) {
        name.push('_');
    }
    for letter in instrument.chars() {
        let letter = if letter.is_ascii_alphanumeric() || letter == ':' { letter } else { '_' };
        if letter != '_' || !name.ends_with('_') {
            name.push(letter);
        }
    }
    name
}

/// Converts the name of an attribute to a label name.
pub(crate) fn label(attribute: &str) -> String {
    let mut name: String =
        attribute.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    // Two leading underscores are reserved for Prometheus.
    if name.starts_with("__") {
        name.insert_str(0, "key");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_name_has_its_unit_and_total_once() {
        for (instrument, unit, metric_type, expected) in [
            ("cachescope.requests", "{request}", MetricType::Counter, "cachescope_requests_total"),
            ("cachescope.saved.time", "s", MetricType::Counter, "cachescope_saved_time_seconds_total"),
            ("x.seconds", "s", MetricType::Histogram, "x_seconds"),
            ("x_seconds_total", "s", MetricType::Counter, "x_seconds_total"),
            ("x.total", "s", MetricType::Counter, "x_seconds_total"),
            ("milliseconds", "s", MetricType::Gauge, "milliseconds_seconds"),
            ("seconds", "s", MetricType::Gauge, "seconds"),
            ("total", "", MetricType::Counter, "total_total"),
            ("x.total", "", MetricType::Gauge, "x_total"),
            ("memory.use", "1", MetricType::Gauge, "memory_use_ratio"),
            ("memory.ratio", "1", MetricType::Gauge, "memory_ratio"),
            ("jobs", "1", MetricType::Counter, "jobs_total"),
            ("jobs.active", "1", MetricType::UpDownCounter, "jobs_active"),
            ("parts", "1", MetricType::Histogram, "parts"),
            ("a.-_/b", "", MetricType::Gauge, "a_b"),
            ("2nd", "By/s", MetricType::Gauge, "_2nd_bytes_per_second"),
        ] {
            assert_eq!(
                FamilyName::new(instrument, unit, metric_type).full(metric_type),
                expected,
                "{instrument} in {unit}"
            );
        }
    }

    #[test]
    fn base_name_ends_in_the_unit() {
        for (instrument, metric_type) in
            [("a.bytes", MetricType::Counter), ("a.bytes_total", MetricType::Counter), ("a", MetricType::UpDownCounter)]
        {
            let name = FamilyName::new(instrument, "By", metric_type);
            assert_eq!((name.base.as_str(), name.unit.as_deref()), ("a_bytes", Some("bytes")), "{instrument}");
        }
    }

    #[test]
    fn label_name_has_only_accepted_characters() {
        for (attribute, expected) in
            [("cachescope.cache.name", "cachescope_cache_name"), ("3d", "_3d"), ("__name__", "key__name__"), ("é", "_")]
        {
            assert_eq!(label(attribute), expected);
        }
    }
}
