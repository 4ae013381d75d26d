use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::time::SystemTime;

use opentelemetry::{Key, Value};
use opentelemetry_sdk::metrics::data::ResourceMetrics;

use crate::dimensions::{DimensionSet, Dimensions};
use crate::limits;
use crate::point::{self, Point, PointValue};
use crate::sanitize;
use crate::unit::Unit;

/// One metric of CloudWatch in one collection: points with equal dimensions are merged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricSeries {
    pub(crate) name: String,
    pub(crate) dimensions: DimensionSet,
    pub(crate) unit: &'static str,
    pub(crate) time: SystemTime,
    pub(crate) value: PointValue,
    /// The number of data points that the series accounts for. A roll-up accounts for none: its points are counted in the
    /// series of the first dimension set.
    pub(crate) points: u64,
}

/// The series of a collection.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    pub(crate) series: Vec<MetricSeries>,
    /// The number of data points that CloudWatch can't represent.
    pub(crate) unrepresentable: u64,
    index: HashMap<(String, DimensionSet, &'static str, Discriminant<PointValue>), usize>,
}

impl Collection {
    /// Reads the series of `metrics`.
    pub(crate) fn read(metrics: &ResourceMetrics, dimensions: &Dimensions) -> Self {
        let resource = |name: &str| -> Option<&Value> { metrics.resource().get_ref(&Key::from(name.to_owned())) };
        let mut collection = Self::default();
        point::for_each(metrics, |point| collection.take(point, dimensions, &resource));
        // The SDK has a time for each instrument, some microseconds apart. All points of a collection get the same time.
        if let Some(time) = collection.series.iter().map(|series| series.time).max() {
            collection.series.iter_mut().for_each(|series| series.time = time);
        }
        collection
    }

    fn take<'a>(&mut self, point: Point<'_>, dimensions: &Dimensions, resource: &impl Fn(&str) -> Option<&'a Value>) {
        let (Some(name), Some(value)) = (sanitize::metric_name(point.name), point.value) else {
            self.unrepresentable += 1;
            return;
        };
        let unit = Unit::from_ucum(point.unit);
        let value = value.times(unit.factor);
        for (at, set) in dimensions.sets(&point.attributes, resource).into_iter().enumerate() {
            let points = u64::from(at == 0);
            if set.len() > limits::DIMENSIONS {
                self.unrepresentable += points;
                continue;
            }
            let key = (name.clone().into_owned(), set, unit.name, discriminant(&value));
            if let Some(known) = self.index.get(&key).and_then(|at| self.series.get_mut(*at)) {
                known.value.add(value.clone());
                known.points += points;
                continue;
            }
            let (name, dimensions, ..) = &key;
            self.series.push(MetricSeries {
                name: name.clone(),
                dimensions: dimensions.clone(),
                unit: unit.name,
                time: point.time,
                value: value.clone(),
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

    fn collect(dimensions: &str, points: &[(&str, &str, &[KeyValue], Option<PointValue>)]) -> Collection {
        let dimensions = Dimensions::read(dimensions).unwrap_or_default();
        let mut collection = Collection::default();
        for (name, unit, attributes, value) in points {
            let (attributes, time) = (attributes.iter().collect(), SystemTime::UNIX_EPOCH);
            let point = Point { name, unit, time, attributes, value: value.clone() };
            collection.take(point, &dimensions, &|_| None);
        }
        collection
    }

    fn attributes(cache: &'static str, result: &'static str) -> [KeyValue; 2] {
        [KeyValue::new("cache", cache), KeyValue::new("result", result)]
    }

    #[test]
    fn points_with_equal_dimensions_are_added_and_counted() {
        let (hit, miss, other) = (attributes("a", "hit"), attributes("a", "miss"), attributes("b", "hit"));
        let delta = |number| Some(PointValue::Delta(number));
        let points: [(&str, &str, &[KeyValue], _); 3] =
            [("r", "", &hit, delta(3.0)), ("r", "", &miss, delta(4.0)), ("r", "", &other, delta(5.0))];
        let found = collect("cache", &points);
        let values: Vec<_> = found.series.iter().map(|series| (series.value.clone(), series.points)).collect();
        assert_eq!(values, [(PointValue::Delta(7.0), 2), (PointValue::Delta(5.0), 1)]);
        let found = collect("*;cache;nothing", &points);
        let values: Vec<_> = found.series.iter().map(|series| (series.value.clone(), series.points)).collect();
        let of = |number, points| (PointValue::Delta(number), points);
        assert_eq!(values, [of(3.0, 1), of(7.0, 0), of(12.0, 0), of(4.0, 1), of(5.0, 1), of(5.0, 0)]);
    }

    #[test]
    fn levels_are_added_and_gauges_keep_the_largest() {
        let (hit, miss) = (attributes("a", "hit"), attributes("a", "miss"));
        let of = |one: PointValue, other: PointValue| {
            let points: [(&str, &str, &[KeyValue], _); 2] =
                [("w", "min", &hit, Some(one)), ("w", "min", &miss, Some(other))];
            let found = collect("cache;nothing", &points);
            found.series.iter().map(|series| (series.value.clone(), series.points)).collect::<Vec<_>>()
        };
        let gauge = PointValue::Gauge(180.0);
        assert_eq!(of(PointValue::Gauge(2.0), PointValue::Gauge(3.0)), [(gauge.clone(), 2), (gauge.clone(), 0)]);
        assert_eq!(of(PointValue::Gauge(3.0), PointValue::Gauge(2.0)), [(gauge.clone(), 2), (gauge, 0)]);
        let level = PointValue::Last(300.0);
        assert_eq!(of(PointValue::Last(2.0), PointValue::Last(3.0)), [(level.clone(), 2), (level, 0)]);
    }

    #[test]
    fn units_are_converted_and_separate_series() {
        let points: [(&str, &str, &[KeyValue], _); 2] =
            [("t", "min", &[], Some(PointValue::Last(2.0))), ("t", "By", &[], Some(PointValue::Last(2.0)))];
        let found = collect("*", &points);
        let values: Vec<_> = found.series.iter().map(|series| (series.unit, series.value.clone())).collect();
        assert_eq!(values, [("Seconds", PointValue::Last(120.0)), ("Bytes", PointValue::Last(2.0))]);
    }

    #[test]
    fn kinds_of_values_separate_series_of_one_name() {
        let measured = Distribution::explicit(1, 1.0, (None, None), &[], &[]);
        let points: [(&str, &str, &[KeyValue], _); 2] =
            [("t", "s", &[], Some(PointValue::Last(2.0))), ("t", "s", &[], Some(PointValue::Distribution(measured)))];
        assert_eq!(collect("*", &points).series.len(), 2);
    }

    #[test]
    fn point_with_too_many_dimensions_or_no_name_is_counted_once() {
        let many: Vec<KeyValue> = (0..31).map(|at| KeyValue::new(format!("a{at}"), 1)).collect();
        let long = "n".repeat(256);
        let last = || Some(PointValue::Last(2.0));
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
