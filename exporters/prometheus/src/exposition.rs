//! The exposition: a page of metrics in either format.

use std::fmt::Write;
use std::hash::BuildHasher;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use hashbrown::HashTable;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::data::ResourceMetrics;

use crate::families::{Families, Family, TARGET_INFO};
use crate::format::Format;
use crate::labels::{self, Labels};
use crate::metric_type::MetricType;
use crate::options::Options;
use crate::point::{self, Histogram, Value};
use crate::sample_value::{self, SampleValue};

/// Counts of the points that are in a page, and of those left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) points: u64,
    /// Points with the labels of an earlier point of their family.
    pub(crate) duplicates: u64,
}

/// Appends a page with everything that was collected.
pub(crate) fn write(
    collected: &ResourceMetrics,
    families: &Families<'_>,
    format: Format,
    options: Options,
    out: &mut String,
) -> Written {
    let scopes = families.scopes.iter();
    let scopes =
        scopes.map(|scope| if options.scope_labels { labels::scope_labels(scope.scope()) } else { String::new() });
    let mut page = PageWriter {
        scopes: scopes.collect(),
        labels: Labels::default(),
        current: String::new(),
        seen: HashTable::new(),
        hasher: foldhash::fast::RandomState::default(),
        format,
        options,
        written: Written::default(),
        out,
    };
    page.target(collected.resource(), families.families.contains_key("target"));
    families.families.values().for_each(|family| page.family(family));
    if format == Format::OpenMetrics {
        page.out.push_str("# EOF\n");
    }
    page.written
}

struct PageWriter<'a, 'o> {
    scopes: Vec<String>,
    labels: Labels<'a>,
    /// The labels of the point being written.
    current: String,
    /// The positions in the page of each set of labels of the current family: Prometheus accepts only one of two series
    /// with equal labels.
    seen: HashTable<Range<usize>>,
    hasher: foldhash::fast::RandomState,
    format: Format,
    options: Options,
    written: Written,
    out: &'o mut String,
}

impl<'a> PageWriter<'a, '_> {
    fn target(&mut self, resource: &Resource, is_shadowed: bool) {
        if resource.is_empty() {
            return;
        }
        let attributes: Vec<_> =
            resource.iter().map(|(key, value)| opentelemetry::KeyValue::new(key.clone(), value.clone())).collect();
        self.current.clear();
        Labels::default().write(&mut attributes.iter(), &mut self.current);
        match self.format {
            Format::OpenMetrics if !is_shadowed => self.head("target", "info", None, "Target metadata"),
            Format::OpenMetrics | Format::Text => self.head(TARGET_INFO, "gauge", None, "Target metadata"),
        }
        self.line(TARGET_INFO, "", None, SampleValue::Unsigned(1));
    }

    fn family(&mut self, family: &Family<'a>) {
        let start = self.out.len();
        let (base, metric_type) = (family.name.base.as_str(), family.metric_type);
        match self.format {
            Format::Text => self.head(&family.name.full(metric_type), metric_type.as_str(), None, family.help),
            Format::OpenMetrics if family.is_shadowed => {
                self.head(&family.name.full(metric_type), "unknown", None, family.help);
            }
            Format::OpenMetrics => {
                self.head(base, metric_type.as_str(), family.unit().map(|unit| &**unit), family.help);
            }
        }
        let has_created = self.format == Format::OpenMetrics
            && self.options.created
            && family.may_have_created
            && !family.is_shadowed
            && matches!(metric_type, MetricType::Counter | MetricType::Histogram);
        let before = self.written.points;
        self.seen.clear();
        for (scope, metric) in &family.metrics {
            let created = point::start_time(metric.data()).filter(|_| has_created).map(seconds);
            point::each(metric.data(), &mut |attributes, value| {
                self.current.clear();
                self.labels.write(attributes, &mut self.current);
                let scope = &self.scopes[*scope];
                if !self.current.is_empty() && !scope.is_empty() {
                    self.current.push(',');
                }
                self.current.push_str(scope);
                if self.is_new(base, metric_type.suffixes()[0]) {
                    self.written.points += 1;
                    self.point(base, metric_type, &value, created.as_deref());
                } else {
                    self.written.duplicates += 1;
                }
            });
        }
        if self.written.points == before {
            self.out.truncate(start);
        }
    }

    /// Returns whether the current labels are new in the family. If so, records their position in the next line.
    fn is_new(&mut self, base: &str, suffix: &str) -> bool {
        let Self { current, seen, hasher, out, .. } = self;
        let hash = hasher.hash_one(current.as_str());
        if seen.find(hash, |place| out[place.clone()] == **current).is_some() {
            return false;
        }
        // The line begins with the name and a brace, then the labels.
        let start = if current.is_empty() { 0 } else { out.len() + base.len() + suffix.len() + 1 };
        seen.insert_unique(hash, start..start + current.len(), |place| hasher.hash_one(&out[place.clone()]));
        true
    }

    fn point(&mut self, base: &str, metric_type: MetricType, value: &Value, created: Option<&str>) {
        match value {
            Value::Single(number) => self.line(base, metric_type.suffixes()[0], None, *number),
            Value::Histogram(histogram) => self.histogram(base, histogram),
        }
        if let Some(created) = created {
            self.start(base, "_created", None);
            self.out.push_str(created);
            self.out.push('\n');
        }
    }

    fn histogram(&mut self, base: &str, histogram: &Histogram) {
        let mut below = 0;
        let mut bound = String::new();
        for (upper, count) in histogram.bounds.iter().zip(&histogram.counts) {
            below += count;
            bound.clear();
            match self.format {
                Format::Text => {
                    let _ = write!(bound, "{}", SampleValue::Float(*upper));
                }
                Format::OpenMetrics => sample_value::write_canonical(*upper, &mut bound),
            }
            self.line(base, "_bucket", Some(&bound), SampleValue::Unsigned(below));
        }
        self.line(base, "_bucket", Some("+Inf"), SampleValue::Unsigned(histogram.count));
        // OpenMetrics has no sum of values that may be negative, because such a sum may fall.
        let has_negative = histogram.bounds.first().is_some_and(|lowest| *lowest < 0.0);
        if self.format == Format::Text || !has_negative {
            self.line(base, "_sum", None, histogram.sum);
            self.line(base, "_count", None, SampleValue::Unsigned(histogram.count));
        }
    }

    fn head(&mut self, name: &str, metric_type: &str, unit: Option<&str>, help: &str) {
        if !help.is_empty() {
            let _ = write!(self.out, "# HELP {name} ");
            match self.format {
                Format::Text => self.out.push_str(&help.replace('\\', "\\\\").replace('\n', "\\n")),
                Format::OpenMetrics => labels::escape(help, self.out),
            }
            self.out.push('\n');
        }
        let _ = writeln!(self.out, "# TYPE {name} {metric_type}");
        if let Some(unit) = unit {
            let _ = writeln!(self.out, "# UNIT {name} {unit}");
        }
    }

    fn line(&mut self, base: &str, suffix: &str, bound: Option<&str>, value: SampleValue) {
        self.start(base, suffix, bound);
        // Writing into a string can't fail.
        let _ = writeln!(self.out, "{value}");
    }

    /// Writes everything in a line before its value.
    fn start(&mut self, base: &str, suffix: &str, bound: Option<&str>) {
        let Self { current, out, .. } = self;
        out.push_str(base);
        out.push_str(suffix);
        if !current.is_empty() || bound.is_some() {
            out.push('{');
            out.push_str(current);
            if let Some(bound) = bound {
                out.push_str(if current.is_empty() { "le=\"" } else { ",le=\"" });
                out.push_str(bound);
                out.push('"');
            }
            out.push('}');
        }
        out.push(' ');
    }
}

fn seconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}", since.as_secs(), since.subsec_millis())
}
