//! Names of families and labels, as Prometheus takes them.

use std::borrow::Cow;

use crate::kind::Kind;
use crate::unit;

/// The end of a counter's series, and in the text format of its family.
pub(crate) const TOTAL: &str = "_total";

/// How a family is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Without the `_total` of a counter: what OpenMetrics calls the family.
    pub(crate) base: String,
    /// What the base ends in, if it has a unit.
    pub(crate) unit: Option<Cow<'static, str>>,
}

impl Name {
    /// A unit the name ends in already isn't appended again; nor is a counter's `_total`.
    pub(crate) fn new(instrument: &str, unit: &str, kind: Kind) -> Self {
        let mut base = metric(instrument);
        if kind == Kind::Counter
            && let Some(bare) = base.strip_suffix(TOTAL).filter(|bare| !bare.is_empty()).map(str::len)
        {
            base.truncate(bare);
        }
        // Only what is measured can be a share of something: the 1 of a count counts nothing in particular.
        let unit = if unit == "1" && kind == Kind::Gauge { Some("ratio".into()) } else { unit::words(unit) };
        if let Some(unit) = &unit
            && !ends_in_word(&base, unit)
        {
            base.push('_');
            base.push_str(unit);
        }
        Self { base, unit }
    }

    /// What the text format calls the family.
    pub(crate) fn full(&self, kind: Kind) -> String {
        if kind == Kind::Counter { format!("{}{TOTAL}", self.base) } else { self.base.clone() }
    }
}

fn ends_in_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
}

/// Whatever Prometheus has no letter for becomes `_`, several of them one.
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

/// The label of an attribute.
pub(crate) fn label(attribute: &str) -> String {
    let mut name: String =
        attribute.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    // Two underscores at the start are for Prometheus's own.
    if name.starts_with("__") {
        name.insert_str(0, "key");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_unit_and_total_once() {
        for (instrument, unit, kind, expected) in [
            ("cachescope.requests", "{request}", Kind::Counter, "cachescope_requests_total"),
            ("cachescope.saved.time", "s", Kind::Counter, "cachescope_saved_time_seconds_total"),
            ("x.seconds", "s", Kind::Histogram, "x_seconds"),
            ("x_seconds_total", "s", Kind::Counter, "x_seconds_total"),
            ("x.total", "s", Kind::Counter, "x_seconds_total"),
            ("milliseconds", "s", Kind::Gauge, "milliseconds_seconds"),
            ("seconds", "s", Kind::Gauge, "seconds"),
            ("total", "", Kind::Counter, "total_total"),
            ("x.total", "", Kind::Gauge, "x_total"),
            ("memory.use", "1", Kind::Gauge, "memory_use_ratio"),
            ("memory.ratio", "1", Kind::Gauge, "memory_ratio"),
            ("jobs", "1", Kind::Counter, "jobs_total"),
            ("jobs.active", "1", Kind::Level, "jobs_active"),
            ("parts", "1", Kind::Histogram, "parts"),
            ("a.-_/b", "", Kind::Gauge, "a_b"),
            ("2nd", "By/s", Kind::Gauge, "_2nd_bytes_per_second"),
        ] {
            assert_eq!(Name::new(instrument, unit, kind).full(kind), expected, "{instrument} in {unit}");
        }
    }

    #[test]
    fn the_unit_is_always_the_end_of_the_base() {
        for (instrument, kind) in [("a.bytes", Kind::Counter), ("a.bytes_total", Kind::Counter), ("a", Kind::Level)] {
            let name = Name::new(instrument, "By", kind);
            assert_eq!((name.base.as_str(), name.unit.as_deref()), ("a_bytes", Some("bytes")), "{instrument}");
        }
    }

    #[test]
    fn labels_have_letters_prometheus_takes() {
        for (attribute, expected) in
            [("cachescope.cache.name", "cachescope_cache_name"), ("3d", "_3d"), ("__name__", "key__name__"), ("é", "_")]
        {
            assert_eq!(label(attribute), expected);
        }
    }
}
