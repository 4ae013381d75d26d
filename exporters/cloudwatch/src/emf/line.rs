//! Lines: datums of equal dimensions and time, as JSON with the metadata from which CloudWatch makes metrics.
//!
//! The [specification] has numbers and lists of numbers as values. Histograms go as an object of `Values`, `Counts`,
//! `Max`, `Min`, `Count` and `Sum`, as the exporters of OpenTelemetry's collector and the CloudWatch agent write them.
//!
//! [specification]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::datum::{Datum, Said};
use crate::dimensions::DimensionSet;
use crate::limits;
use crate::settings::Resolution;

/// What CloudWatch reads in a line.
const METADATA: &str = "_aws";

/// A line and how many points it accounts for.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    /// Ends in a line feed, and has no other.
    pub(crate) text: String,
    pub(crate) points: u64,
}

/// What lines have to say.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) lines: Vec<Line>,
    /// Points whose metric has the name of one of its own dimensions, which are members of the same object, or a dimension
    /// whose name is too long.
    pub(crate) unrepresentable: u64,
}

/// Metrics that can share a line.
#[derive(Debug, Default)]
struct Group {
    datums: Vec<Datum>,
    size: usize,
}

impl Group {
    /// Whether another one fits: its name is a member of the line's object, so is there once.
    fn takes(&self, datum: &Datum) -> bool {
        self.datums.len() < limits::EMF_METRICS
            && self.size + text_size(datum) <= limits::EMF_LINE
            && self.datums.iter().all(|other| other.name != datum.name)
    }
}

impl Lines {
    pub(crate) fn of(datums: Vec<Datum>, namespace: &str, resolution: Resolution) -> Self {
        let mut lines = Self::default();
        let mut groups: Vec<Group> = Vec::new();
        // The group of these dimensions and this time that is open.
        let mut open: HashMap<(DimensionSet, SystemTime), Vec<usize>> = HashMap::new();
        for datum in datums {
            if !is_sayable(&datum) {
                lines.unrepresentable += datum.points;
                continue;
            }
            let known = open.entry((datum.dimensions.clone(), datum.time)).or_default();
            let room = known.iter().copied().find(|at| groups.get(*at).is_some_and(|group| group.takes(&datum)));
            let at = room.unwrap_or_else(|| {
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

/// Whether each of its names can be a member of the line's object, beside the others.
fn is_sayable(datum: &Datum) -> bool {
    let is_taken = |name: &str| name == METADATA || name == datum.name || name.len() > limits::EMF_DIMENSION_NAME;
    datum.name != METADATA && !datum.dimensions.iter().any(|(name, _)| is_taken(name))
}

/// At most so many bytes of text: a number takes up to 25.
fn text_size(datum: &Datum) -> usize {
    let numbers = match &datum.said {
        Said::Value(_) => 1,
        Said::Distribution(part) => 4 + part.values.len() + part.counts.len(),
    };
    // Characters that JSON escapes take two.
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
    object.extend(datums.iter().map(|datum| (datum.name.clone(), said(&datum.said))));
    let mut text = Value::Object(object).to_string();
    text.push('\n');
    Some(Line { text, points: crate::datum::points(datums) })
}

fn said(said: &Said) -> Value {
    match said {
        Said::Value(number) => (*number).into(),
        Said::Distribution(part) => json!({
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

    fn datum(name: &str, cache: &str, said: Said) -> Datum {
        let dimensions = vec![("cache".to_owned(), cache.to_owned())];
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        Datum { name: name.to_owned(), dimensions: dimensions.into(), unit: "Count", time, said, points: 1 }
    }

    fn parse(line: &Line) -> Value {
        assert!(line.text.ends_with('\n') && !line.text.trim_end().contains('\n'));
        serde_json::from_str(&line.text).unwrap_or_default()
    }

    #[test]
    fn a_line_is_as_the_specification_has_it() {
        let datums = vec![datum("hits", "a\"b", Said::Value(3.0)), datum("misses", "a\"b", Said::Value(0.5))];
        let lines = Lines::of(datums, "shop", Resolution::Second).lines;
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
    fn lines_are_apart_by_dimensions_by_name_and_by_number() {
        let value = || Said::Value(1.0);
        let of = |datums| Lines::of(datums, "n", Resolution::Minute).lines.len();
        assert_eq!(of(vec![datum("m", "a", value()), datum("m", "b", value())]), 2);
        assert_eq!(of(vec![datum("m", "a", value()), datum("m", "a", value()), datum("o", "a", value())]), 2);
        assert_eq!(of((0..250).map(|at| datum(&format!("m{at}"), "a", value())).collect()), 3);
    }

    #[test]
    fn a_line_is_no_longer_than_a_log_event() {
        let bounds: Vec<f64> = (1..100).map(|at| f64::from(at) / 3.0).collect();
        let of = Distribution::new(100, 1_600.0, Some(0.0), Some(100.0)).explicit(&bounds, &[1; 100]);
        let said = |_| Said::Distribution(of.parts(100).remove(0));
        let datums = (0..100).map(|at| datum(&format!("{at}{}", "n".repeat(250)), "a", said(at))).collect();
        let lines = Lines::of(datums, "n", Resolution::Minute).lines;
        assert!(lines.len() > 1 && lines.iter().all(|line| line.text.len() <= limits::EMF_LINE));
        assert_eq!(lines.iter().map(|line| line.points).sum::<u64>(), 100);
    }

    #[test]
    fn names_that_cannot_be_members_are_counted() {
        let mut long = datum("m", "a", Said::Value(1.0));
        long.dimensions = vec![("n".repeat(251), "a".to_owned())].into();
        let datums = vec![datum("cache", "a", Said::Value(1.0)), datum("_aws", "a", Said::Value(1.0)), long];
        let lines = Lines::of(datums, "n", Resolution::Minute);
        assert_eq!((lines.lines.len(), lines.unrepresentable), (0, 3));
    }
}
