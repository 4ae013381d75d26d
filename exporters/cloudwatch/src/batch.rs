use crate::datum::Datum;
use crate::limits;

/// The bytes of a request besides its datums: the namespace, keys and heads.
const FRAME: usize = limits::NAME + 100;

/// Splits `datums` into requests, in order: as many in each as the limits of number and bytes allow. No request is empty.
pub(crate) fn batches(datums: Vec<Datum>) -> Vec<Vec<Datum>> {
    let mut batches: Vec<Vec<Datum>> = Vec::new();
    let mut size = 0;
    for datum in datums {
        let more = datum.size();
        match batches.last_mut().filter(|batch| batch.len() < limits::METRICS && size + more <= limits::BODY) {
            Some(batch) => batch.push(datum),
            None => {
                size = FRAME;
                batches.push(vec![datum]);
            }
        }
        size += more;
    }
    batches
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use crate::datum::DatumValue;
    use crate::distribution::{DistributionPart, Statistics};

    fn datum(number: usize, values: usize, dimensions: usize, length: usize) -> Datum {
        let statistics = Statistics { count: 1.0, sum: 1.0, min: 1.0, max: 1.0 };
        let part = DistributionPart { statistics, values: vec![1.5; values], counts: vec![1.0; values] };
        let dimension = |at: usize| (format!("d{at}"), "v".repeat(length));
        Datum {
            name: format!("m{number}"),
            dimensions: (0..dimensions).map(dimension).collect(),
            unit: "None",
            time: SystemTime::UNIX_EPOCH,
            value: if values == 0 { DatumValue::Single(1.0) } else { DatumValue::Distribution(part) },
            points: 1,
        }
    }

    #[test]
    fn largest_datum_fits_into_a_request() {
        let mut largest = datum(0, limits::VALUES, limits::DIMENSIONS, limits::DIMENSION_VALUE);
        largest.name = "n".repeat(limits::NAME);
        assert!(FRAME + largest.size() + limits::DIMENSIONS * limits::NAME < limits::BODY);
        assert_eq!(batches(vec![largest]).len(), 1);
        assert_eq!(batches(vec![]), Vec::<Vec<Datum>>::new());
    }

    #[test]
    fn small_datums_fill_requests_of_a_thousand() {
        let sizes: Vec<_> = batches((0..2_500).map(|at| datum(at, 0, 3, 20)).collect()).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1_000, 1_000, 500]);
    }

    proptest! {
        #[test]
        fn requests_stay_within_the_limits_and_hold_each_datum_once(
            shapes in proptest::collection::vec((0usize..=150, 0usize..=30, 1usize..=1_024), 0..2_500),
        ) {
            let all: Vec<Datum> = shapes
                .iter()
                .enumerate()
                .map(|(at, (values, dimensions, length))| datum(at, *values, *dimensions, *length))
                .collect();
            let batches = batches(all.clone());
            for batch in &batches {
                prop_assert!(!batch.is_empty() && batch.len() <= limits::METRICS);
                prop_assert!(FRAME + batch.iter().map(Datum::size).sum::<usize>() <= limits::BODY);
            }
            let back: Vec<Datum> = batches.into_iter().flatten().collect();
            prop_assert!(back == all);
        }
    }
}
