//! Lines of JSON: datums with equal dimensions and time, and the metadata from which CloudWatch creates metrics.
//!
//! In the [specification], values are numbers or lists of numbers. Histograms are written as an object of `Values`,
//! `Counts`, `Max`, `Min`, `Count` and `Sum`, as OpenTelemetry's collector and the CloudWatch agent write them.
//!
//! [specification]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::datum::{Datum, DatumValue};
use crate::dimensions::DimensionSet;
use crate::limits;
use crate::settings::Resolution;

/// The member of the JSON object that holds the metadata for CloudWatch.
const METADATA: &str = "_aws";

/// A line, and the number of data points that it accounts for.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    /// Ends in a line feed, and has no other.
    pub(crate) text: String,
    pub(crate) points: u64,
}

/// The lines of a collection.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) lines: Vec<Line>,
    /// The number of data points that can't be written. Their metric has the name of one of its dimensions, which are
    /// members of the same object, or the name of a dimension is too long.
    pub(crate) unrepresentable: u64,
}

/// Datums that share a line.
#[derive(Debug, Default)]
struct Group {
    datums: Vec<Datum>,
    size: usize,
}

impl Group {
    /// Returns whether another datum fits. The line's object can hold each name once.
    fn fits(&self, datum: &Datum) -> bool {
        self.datums.len() < limits::EMF_METRICS
            && self.size + text_size(datum) <= limits::EMF_LINE
            && self.datums.iter().all(|other| other.name != datum.name)
    }
}

impl Lines {
    pub(crate) fn new(datums: Vec<Datum>, namespace: &str, resolution: Resolution) -> Self {
        let mut lines = Self::default();
        let mut groups: Vec<Group> = Vec::new();
        // The groups of these dimensions and this time, as indexes.
        let mut open: HashMap<(DimensionSet, SystemTime), Vec<usize>> = HashMap::new();
        for datum in datums {
            if !is_representable(&datum) {
                lines.unrepresentable += datum.points;
                continue;
            }
            let known = open.entry((datum.dimensions.clone(), datum.time)).or_default();
            let group = known.iter().copied().find(|at| groups.get(*at).is_some_and(|group| group.fits(&datum)));
            let at = group.unwrap_or_else(|| {
                known.push(groups.len());
                groups.push(Group::default());
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(at) {
                group.size += text_size(&datum);
                group.datums.push(datum);
            }
        }
        lines.lines.extend(groups.iter().filter_map(|group| line(&group.datums, namespace, resolution)));
        lines
    }
}

/// Returns whether all names of the datum can be members of the line's object together.
fn is_representable(datum: &Datum) -> bool {
    let is_taken = |name: &str| name == METADATA || name == datum.name || name.len() > limits::EMF_DIMENSION_NAME;
    datum.name != METADATA && !datum.dimensions.iter().any(|(name, _)| is_taken(name))
}

/// Returns an upper bound for the bytes of the datum in a line. A number takes up to 25 bytes.
fn text_size(datum: &Datum) -> usize {
    let numbers = match &datum.value {
        DatumValue::Single(_) => 1,
        DatumValue::Distribution(part) => 4 + part.values.len() + part.counts.len(),
    };
    // Characters that JSON escapes take two bytes.
    let dimensions: usize = datum.dimensions.iter().map(|(name, value)| 4 * name.len() + 2 * value.len() + 20).sum();
    200 + 4 * datum.name.len() + dimensions + 25 * numbers
}

fn line(datums: &[Datum], namespace: &str, resolution: Resolution) -> Option<Line> {
    let first = datums.first()?;
    let milliseconds = first.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let names: Vec<&str> = first.dimensions.iter().map(|(name, _)| name.as_str()).collect();
    let definition = |datum: &Datum| {
        let mut definition = json!({ "Name": datum.name, "Unit": datum.unit });
        if resolution == Resolution::Second {
            definition["StorageResolution"] = resolution.seconds().into();
        }
        definition
    };
    let metadata = json!({
        "Timestamp": u64::try_from(milliseconds).unwrap_or(u64::MAX),
        "CloudWatchMetrics": [{
            "Namespace": namespace,
            "Dimensions": [names],
            "Metrics": datums.iter().map(definition).collect::<Vec<Value>>(),
        }],
    });
    let mut object = Map::new();
    object.insert(METADATA.to_owned(), metadata);
    object.extend(first.dimensions.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    object.extend(datums.iter().map(|datum| (datum.name.clone(), value(&datum.value))));
    let mut text = Value::Object(object).to_string();
    text.push('\n');
    Some(Line { text, points: crate::datum::points(datums) })
}

fn value(value: &DatumValue) -> Value {
    match value {
        DatumValue::Single(number) => (*number).into(),
        DatumValue::Distribution(part) => json!({
            "Values": part.values,
            "Counts": part.counts,
            "Max": part.statistics.max,
            "Min": part.statistics.min,
            "Count": part.statistics.count,
            "Sum": part.statistics.sum,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::distribution::Distribution;

    fn datum(name: &str, cache: &str, value: DatumValue) -> Datum {
        let dimensions = vec![("cache".to_owned(), cache.to_owned())];
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        Datum { name: name.to_owned(), dimensions: dimensions.into(), unit: "Count", time, value, points: 1 }
    }

    fn parse(line: &Line) -> Value {
        assert!(line.text.ends_with('\n') && !line.text.trim_end().contains('\n'));
        serde_json::from_str(&line.text).unwrap_or_default()
    }

    #[test]
    fn line_follows_the_specification() {
        let datums =
            vec![datum("hits", "a\"b", DatumValue::Single(3.0)), datum("misses", "a\"b", DatumValue::Single(0.5))];
        let lines = Lines::new(datums, "shop", Resolution::Second).lines;
        let expected = json!({
            "_aws": {
                "Timestamp": 1_700_000_000_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "shop",
                    "Dimensions": [["cache"]],
                    "Metrics": [
                        { "Name": "hits", "Unit": "Count", "StorageResolution": 1 },
                        { "Name": "misses", "Unit": "Count", "StorageResolution": 1 },
                    ],
                }],
            },
            "cache": "a\"b",
            "hits": 3.0,
            "misses": 0.5,
        });
        assert_eq!((lines.len(), lines[0].points, parse(&lines[0])), (1, 2, expected));
    }

    #[test]
    fn datums_are_split_into_lines_by_dimensions_name_and_number() {
        let value = || DatumValue::Single(1.0);
        let of = |datums| Lines::new(datums, "n", Resolution::Minute).lines.len();
        assert_eq!(of(vec![datum("m", "a", value()), datum("m", "b", value())]), 2);
        assert_eq!(of(vec![datum("m", "a", value()), datum("m", "a", value()), datum("o", "a", value())]), 2);
        assert_eq!(of((0..250).map(|at| datum(&format!("m{at}"), "a", value())).collect()), 3);
    }

    #[test]
    fn line_is_not_longer_than_a_log_event() {
        let bounds: Vec<f64> = (1..100).map(|at| f64::from(at) / 3.0).collect();
        let of = Distribution::explicit(100, 1_600.0, (Some(0.0), Some(100.0)), &bounds, &[1; 100]);
        let value = |_| DatumValue::Distribution(of.parts(100).remove(0));
        let datums = (0..100).map(|at| datum(&format!("{at}{}", "n".repeat(250)), "a", value(at))).collect();
        let lines = Lines::new(datums, "n", Resolution::Minute).lines;
        assert!(lines.len() > 1 && lines.iter().all(|line| line.text.len() <= limits::EMF_LINE));
        assert_eq!(lines.iter().map(|line| line.points).sum::<u64>(), 100);
    }

    #[test]
    fn datum_whose_names_conflict_is_counted() {
        let mut long = datum("m", "a", DatumValue::Single(1.0));
        long.dimensions = vec![("n".repeat(251), "a".to_owned())].into();
        let datums =
            vec![datum("cache", "a", DatumValue::Single(1.0)), datum("_aws", "a", DatumValue::Single(1.0)), long];
        let lines = Lines::new(datums, "n", Resolution::Minute);
        assert_eq!((lines.lines.len(), lines.unrepresentable), (0, 3));
    }
}
