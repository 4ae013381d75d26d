use std::time::SystemTime;

use crate::dimensions::DimensionSet;
use crate::distribution::DistributionPart;
use crate::limits;
use crate::point::PointValue;
use crate::series::{Collection, MetricSeries};

/// The value of one metric at one time, within all limits of CloudWatch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Datum {
    pub(crate) name: String,
    pub(crate) dimensions: DimensionSet,
    pub(crate) unit: &'static str,
    pub(crate) time: SystemTime,
    pub(crate) value: DatumValue,
    /// The number of data points that the datum accounts for: zero for a roll-up, and for a part of a histogram after the
    /// first.
    pub(crate) points: u64,
}

/// The value of a datum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DatumValue {
    Single(f64),
    Distribution(DistributionPart),
}

/// The datums of a collection.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Datums {
    pub(crate) datums: Vec<Datum>,
    /// The number of data points that CloudWatch can't represent.
    pub(crate) unrepresentable: u64,
}

/// Options for the conversion to datums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DatumOptions {
    /// The limit for the values of a distribution in one datum.
    pub(crate) max_values: usize,
    /// Whether sums that didn't grow are sent.
    pub(crate) zeros: bool,
}

impl Datums {
    /// Converts `collection` at the time `now`.
    pub(crate) fn new(collection: Collection, options: DatumOptions, now: SystemTime) -> Self {
        let mut datums = Self { datums: Vec::new(), unrepresentable: collection.unrepresentable };
        for series in collection.series {
            datums.take(series, options, now);
        }
        datums
    }

    fn take(&mut self, series: MetricSeries, options: DatumOptions, now: SystemTime) {
        let is_zero = matches!(series.value, PointValue::Delta(_)) && options.zeros;
        if series.value.is_empty() && !is_zero {
            return;
        }
        let values: Vec<DatumValue> = match series.value {
            PointValue::Delta(number) | PointValue::Last(number) | PointValue::Gauge(number) => {
                vec![DatumValue::Single(number)]
            }
            PointValue::Distribution(distribution) => {
                distribution.parts(options.max_values).into_iter().map(DatumValue::Distribution).collect()
            }
        };
        if !limits::is_valid_time(series.time, now) || !values.iter().all(DatumValue::is_representable) {
            self.unrepresentable += series.points;
            return;
        }
        let mut points = series.points;
        for value in values {
            self.datums.push(Datum {
                name: series.name.clone(),
                dimensions: series.dimensions.clone(),
                unit: series.unit,
                time: series.time,
                value,
                points: std::mem::take(&mut points),
            });
        }
    }
}

impl DatumValue {
    /// Returns whether CloudWatch accepts all numbers of the value.
    fn is_representable(&self) -> bool {
        match self {
            Self::Single(number) => limits::is_valid_number(*number),
            Self::Distribution(part) => part.numbers().all(limits::is_valid_number),
        }
    }
}

impl Datum {
    /// Returns an upper bound for the bytes of the datum in a request. CBOR takes some bytes less for each string, and JSON
    /// takes less for numbers.
    pub(crate) fn size(&self) -> usize {
        const NUMBER: usize = 9;
        const STRING: usize = 5;
        // Keys, heads, time, unit and resolution.
        const FRAME: usize = 160;
        const STATISTICS: usize = 100;
        let dimension = |(name, value): &(String, String)| 20 + 2 * STRING + name.len() + value.len();
        let value = match &self.value {
            DatumValue::Single(_) => NUMBER,
            DatumValue::Distribution(part) => STATISTICS + NUMBER * (part.values.len() + part.counts.len()),
        };
        FRAME + STRING + self.name.len() + value + self.dimensions.iter().map(dimension).sum::<usize>()
    }
}

/// Returns the number of data points that `datums` account for.
pub(crate) fn points(datums: &[Datum]) -> u64 {
    datums.iter().map(|datum| datum.points).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::distribution::Distribution;

    const OPTIONS: DatumOptions = DatumOptions { max_values: 150, zeros: false };

    fn datums(value: PointValue, time: SystemTime, options: DatumOptions) -> Datums {
        let series = MetricSeries {
            name: "m".to_owned(),
            dimensions: vec![("a".to_owned(), "b".to_owned())].into(),
            unit: "Count",
            time,
            value,
            points: 3,
        };
        let mut datums = Datums::default();
        datums.take(series, options, SystemTime::now());
        datums
    }

    #[test]
    fn values_that_cannot_be_represented_are_counted_by_data_points() {
        let now = SystemTime::now();
        let nan = Distribution::explicit(1, f64::NAN, (Some(0.0), Some(1.0)), &[1.0], &[1, 0]);
        for value in [PointValue::Last(f64::NAN), PointValue::Delta(1e300), PointValue::Distribution(nan)] {
            assert_eq!(datums(value, now, OPTIONS), Datums { datums: vec![], unrepresentable: 3 });
        }
        let long_ago = now - Duration::from_secs(15 * 24 * 3600);
        assert_eq!(datums(PointValue::Last(1.0), long_ago, OPTIONS), Datums { datums: vec![], unrepresentable: 3 });
    }

    #[test]
    fn zeros_are_sent_only_when_turned_on() {
        let now = SystemTime::now();
        let empty = PointValue::Distribution(Distribution::explicit(0, 0.0, (None, None), &[], &[]));
        for options in [OPTIONS, DatumOptions { zeros: true, ..OPTIONS }] {
            assert_eq!(datums(empty.clone(), now, options), Datums::default());
            assert_eq!(datums(PointValue::Delta(0.0), now, options).datums.len(), usize::from(options.zeros));
            assert_eq!(datums(PointValue::Last(0.0), now, options).datums.len(), 1);
        }
    }

    #[test]
    fn long_distribution_becomes_several_datums_that_count_once() {
        let bounds: Vec<f64> = (1..400).map(f64::from).collect();
        let long = Distribution::explicit(400, 80_000.0, (Some(0.0), Some(400.0)), &bounds, &[1; 400]);
        let found = datums(PointValue::Distribution(long), SystemTime::now(), OPTIONS);
        assert_eq!(found.datums.iter().map(|datum| datum.points).collect::<Vec<_>>(), [3, 0, 0]);
    }
}
