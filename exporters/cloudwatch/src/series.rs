//! The metrics of one collection as CloudWatch will have them: points that became equal are made one.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::time::SystemTime;

use opentelemetry::{Key, Value};
use opentelemetry_sdk::metrics::data::ResourceMetrics;

use crate::dimensions::{DimensionSet, Dimensions};
use crate::limits;
use crate::point::{self, Point, Reading};
use crate::text;
use crate::unit::Unit;

/// One metric of CloudWatch, in one collection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) dimensions: DimensionSet,
    pub(crate) unit: &'static str,
    pub(crate) time: SystemTime,
    pub(crate) reading: Reading,
    /// How many points it accounts for. A roll-up accounts for none: its points are in the first set's series.
    pub(crate) points: u64,
}

/// What became of a collection.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    pub(crate) series: Vec<Series>,
    /// Points that can't be said.
    pub(crate) unrepresentable: u64,
    index: HashMap<(String, DimensionSet, &'static str, Discriminant<Reading>), usize>,
}

impl Collection {
    /// The series of `metrics`.
    pub(crate) fn read(metrics: &ResourceMetrics, dimensions: &Dimensions) -> Self {
        let resource = |name: &str| -> Option<&Value> { metrics.resource().get_ref(&Key::from(name.to_owned())) };
        let mut collection = Self::default();
        point::each(metrics, |point| collection.take(point, dimensions, &resource));
        // The SDK has a time for each instrument, some microseconds apart. What was collected together is of one time.
        if let Some(time) = collection.series.iter().map(|series| series.time).max() {
            collection.series.iter_mut().for_each(|series| series.time = time);
        }
        collection
    }

    fn take<'a>(&mut self, point: Point<'_>, dimensions: &Dimensions, resource: &impl Fn(&str) -> Option<&'a Value>) {
        let (Some(name), Some(reading)) = (text::metric_name(point.name), point.reading) else {
            self.unrepresentable += 1;
            return;
        };
        let unit = Unit::of(point.unit);
        let reading = reading.times(unit.factor);
        for (at, set) in dimensions.of(&point.attributes, resource).into_iter().enumerate() {
            let points = u64::from(at == 0);
            if set.len() > limits::DIMENSIONS {
                self.unrepresentable += points;
                continue;
            }
            let key = (name.clone().into_owned(), set, unit.name, discriminant(&reading));
            if let Some(known) = self.index.get(&key).and_then(|at| self.series.get_mut(*at)) {
                known.reading.add(reading.clone());
                known.points += points;
                continue;
            }
            let (name, dimensions, ..) = &key;
            self.series.push(Series {
                name: name.clone(),
                dimensions: dimensions.clone(),
                unit: unit.name,
                time: point.time,
                reading: reading.clone(),
                points,
            });
            self.index.insert(key, self.series.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;
    use crate::distribution::Distribution;

    fn collect(dimensions: &str, points: &[(&str, &str, &[KeyValue], Option<Reading>)]) -> Collection {
        let dimensions = Dimensions::read(dimensions).unwrap_or_default();
        let mut collection = Collection::default();
        for (name, unit, attributes, reading) in points {
            let (attributes, time) = (attributes.iter().collect(), SystemTime::UNIX_EPOCH);
            let point = Point { name, unit, time, attributes, reading: reading.clone() };
            collection.take(point, &dimensions, &|_| None);
        }
        collection
    }

    fn attributes(cache: &'static str, result: &'static str) -> [KeyValue; 2] {
        [KeyValue::new("cache", cache), KeyValue::new("result", result)]
    }

    #[test]
    fn points_that_became_equal_are_added_up_and_counted() {
        let (hit, miss, other) = (attributes("a", "hit"), attributes("a", "miss"), attributes("b", "hit"));
        let delta = |number| Some(Reading::Delta(number));
        let points: [(&str, &str, &[KeyValue], _); 3] =
            [("r", "", &hit, delta(3.0)), ("r", "", &miss, delta(4.0)), ("r", "", &other, delta(5.0))];
        let found = collect("cache", &points);
        let said: Vec<_> = found.series.iter().map(|series| (series.reading.clone(), series.points)).collect();
        assert_eq!(said, [(Reading::Delta(7.0), 2), (Reading::Delta(5.0), 1)]);
        let found = collect("*;cache;nothing", &points);
        let said: Vec<_> = found.series.iter().map(|series| (series.reading.clone(), series.points)).collect();
        let of = |number, points| (Reading::Delta(number), points);
        assert_eq!(said, [of(3.0, 1), of(7.0, 0), of(12.0, 0), of(4.0, 1), of(5.0, 1), of(5.0, 0)]);
    }

    #[test]
    fn levels_are_added_up_and_of_gauges_the_largest_stands() {
        let (hit, miss) = (attributes("a", "hit"), attributes("a", "miss"));
        let of = |one: Reading, other: Reading| {
            let points: [(&str, &str, &[KeyValue], _); 2] =
                [("w", "min", &hit, Some(one)), ("w", "min", &miss, Some(other))];
            let found = collect("cache;nothing", &points);
            found.series.iter().map(|series| (series.reading.clone(), series.points)).collect::<Vec<_>>()
        };
        let gauge = Reading::Gauge(180.0);
        assert_eq!(of(Reading::Gauge(2.0), Reading::Gauge(3.0)), [(gauge.clone(), 2), (gauge.clone(), 0)]);
        assert_eq!(of(Reading::Gauge(3.0), Reading::Gauge(2.0)), [(gauge.clone(), 2), (gauge, 0)]);
        let level = Reading::Last(300.0);
        assert_eq!(of(Reading::Last(2.0), Reading::Last(3.0)), [(level.clone(), 2), (level, 0)]);
    }

    #[test]
    fn units_are_converted_and_tell_series_apart() {
        let points: [(&str, &str, &[KeyValue], _); 2] =
            [("t", "min", &[], Some(Reading::Last(2.0))), ("t", "By", &[], Some(Reading::Last(2.0)))];
        let found = collect("*", &points);
        let said: Vec<_> = found.series.iter().map(|series| (series.unit, series.reading.clone())).collect();
        assert_eq!(said, [("Seconds", Reading::Last(120.0)), ("Bytes", Reading::Last(2.0))]);
    }

    #[test]
    fn kinds_of_one_name_stay_apart() {
        let measured = Distribution::new(1, 1.0, None, None);
        let points: [(&str, &str, &[KeyValue], _); 2] =
            [("t", "s", &[], Some(Reading::Last(2.0))), ("t", "s", &[], Some(Reading::Distribution(measured)))];
        assert_eq!(collect("*", &points).series.len(), 2);
    }

    #[test]
    fn what_has_too_many_dimensions_or_no_name_is_counted_once() {
        let many: Vec<KeyValue> = (0..31).map(|at| KeyValue::new(format!("a{at}"), 1)).collect();
        let long = "n".repeat(256);
        let last = || Some(Reading::Last(2.0));
        let points: [(&str, &str, &[KeyValue], _); 4] = [
            ("m", "", &many, last()),
            (&long, "", &[], last()),
            ("total", "", &[], None),
            ("ok", "", &many[..30], last()),
        ];
        let found = collect("*;*", &points);
        assert_eq!((found.series.len(), found.unrepresentable), (1, 3));
    }
}
