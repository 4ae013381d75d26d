//! What is said of one metric at one time, within every limit of CloudWatch.

use std::time::SystemTime;

use crate::dimensions::DimensionSet;
use crate::distribution::Part;
use crate::limits;
use crate::point::Reading;
use crate::series::{Collection, Series};

/// One metric at one time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Datum {
    pub(crate) name: String,
    pub(crate) dimensions: DimensionSet,
    pub(crate) unit: &'static str,
    pub(crate) time: SystemTime,
    pub(crate) said: Said,
    /// How many points it accounts for: none if it is a roll-up, or the second or a later part of a histogram.
    pub(crate) points: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Value(f64),
    Distribution(Part),
}

/// What can be said of a collection.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Datums {
    pub(crate) datums: Vec<Datum>,
    /// Points that can't be said.
    pub(crate) unrepresentable: u64,
}

/// How it is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wording {
    /// Values of a distribution in one datum.
    pub(crate) values: usize,
    /// Whether sums that didn't grow are said.
    pub(crate) zeros: bool,
}

impl Datums {
    /// Of `collection`, said at `now`.
    pub(crate) fn of(collection: Collection, wording: Wording, now: SystemTime) -> Self {
        let mut datums = Self { datums: Vec::new(), unrepresentable: collection.unrepresentable };
        for series in collection.series {
            datums.take(series, wording, now);
        }
        datums
    }

    fn take(&mut self, series: Series, wording: Wording, now: SystemTime) {
        let is_zero = matches!(series.reading, Reading::Delta(_)) && wording.zeros;
        if series.reading.is_nothing() && !is_zero {
            return;
        }
        let said: Vec<Said> = match series.reading {
            Reading::Delta(number) | Reading::Last(number) | Reading::Gauge(number) => vec![Said::Value(number)],
            Reading::Distribution(distribution) => {
                distribution.parts(wording.values).into_iter().map(Said::Distribution).collect()
            }
        };
        if !limits::takes_time(series.time, now) || !said.iter().all(Said::is_representable) {
            self.unrepresentable += series.points;
            return;
        }
        let mut points = series.points;
        for said in said {
            self.datums.push(Datum {
                name: series.name.clone(),
                dimensions: series.dimensions.clone(),
                unit: series.unit,
                time: series.time,
                said,
                points: std::mem::take(&mut points),
            });
        }
    }
}

impl Said {
    fn is_representable(&self) -> bool {
        match self {
            Self::Value(number) => limits::takes_number(*number),
            Self::Distribution(part) => part.numbers().all(limits::takes_number),
        }
    }
}

impl Datum {
    /// At most so many bytes of a request. What CBOR writes is shorter by some bytes a string, JSON's numbers are
    /// shorter than this.
    pub(crate) fn size(&self) -> usize {
        const NUMBER: usize = 9;
        const STRING: usize = 5;
        // Keys, heads, time, unit and resolution.
        const FRAME: usize = 160;
        const STATISTICS: usize = 100;
        let dimension = |(name, value): &(String, String)| 20 + 2 * STRING + name.len() + value.len();
        let said = match &self.said {
            Said::Value(_) => NUMBER,
            Said::Distribution(part) => STATISTICS + NUMBER * (part.values.len() + part.counts.len()),
        };
        FRAME + STRING + self.name.len() + said + self.dimensions.iter().map(dimension).sum::<usize>()
    }
}

/// How many points `datums` account for.
pub(crate) fn points(datums: &[Datum]) -> u64 {
    datums.iter().map(|datum| datum.points).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::distribution::Distribution;

    const WORDING: Wording = Wording { values: 150, zeros: false };

    fn of(reading: Reading, time: SystemTime, wording: Wording) -> Datums {
        let series = Series {
            name: "m".to_owned(),
            dimensions: vec![("a".to_owned(), "b".to_owned())].into(),
            unit: "Count",
            time,
            reading,
            points: 3,
        };
        let mut datums = Datums::default();
        datums.take(series, wording, SystemTime::now());
        datums
    }

    #[test]
    fn what_cannot_be_said_is_counted_by_its_points() {
        let now = SystemTime::now();
        let nan = Distribution::new(1, f64::NAN, Some(0.0), Some(1.0)).explicit(&[1.0], &[1, 0]);
        for reading in [Reading::Last(f64::NAN), Reading::Delta(1e300), Reading::Distribution(nan)] {
            assert_eq!(of(reading, now, WORDING), Datums { datums: vec![], unrepresentable: 3 });
        }
        let long_ago = now - Duration::from_secs(15 * 24 * 3600);
        assert_eq!(of(Reading::Last(1.0), long_ago, WORDING), Datums { datums: vec![], unrepresentable: 3 });
    }

    #[test]
    fn what_did_not_happen_is_said_only_if_asked_for() {
        let now = SystemTime::now();
        let empty = Reading::Distribution(Distribution::new(0, 0.0, None, None));
        for wording in [WORDING, Wording { zeros: true, ..WORDING }] {
            assert_eq!(of(empty.clone(), now, wording), Datums::default());
            assert_eq!(of(Reading::Delta(0.0), now, wording).datums.len(), usize::from(wording.zeros));
            assert_eq!(of(Reading::Last(0.0), now, wording).datums.len(), 1);
        }
    }

    #[test]
    fn a_long_distribution_is_several_datums_of_one_account() {
        let bounds: Vec<f64> = (1..400).map(f64::from).collect();
        let of_many = Distribution::new(400, 80_000.0, Some(0.0), Some(400.0)).explicit(&bounds, &[1; 400]);
        let found = of(Reading::Distribution(of_many), SystemTime::now(), WORDING);
        assert_eq!(found.datums.iter().map(|datum| datum.points).collect::<Vec<_>>(), [3, 0, 0]);
    }
}
