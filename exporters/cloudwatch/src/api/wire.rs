//! Datums in the words of the AWS SDK.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};

use crate::datum::{Datum, Said};
use crate::settings::Resolution;

pub(crate) fn metric_datum(datum: &Datum, resolution: Resolution) -> MetricDatum {
    let builder = MetricDatum::builder()
        .metric_name(&datum.name)
        .set_dimensions(Some(datum.dimensions.iter().map(dimension).collect()))
        .timestamp(DateTime::from(datum.time))
        .unit(StandardUnit::from(datum.unit))
        .storage_resolution(resolution.seconds());
    match &datum.said {
        Said::Value(value) => builder.value(*value).build(),
        Said::Distribution(part) => {
            let statistics = StatisticSet::builder()
                .sample_count(part.statistics.count)
                .sum(part.statistics.sum)
                .minimum(part.statistics.min)
                .maximum(part.statistics.max)
                .build();
            let values = |values: &Vec<f64>| (!values.is_empty()).then(|| values.clone());
            builder
                .statistic_values(statistics)
                .set_values(values(&part.values))
                .set_counts(values(&part.counts))
                .build()
        }
    }
}

fn dimension((name, value): &(String, String)) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Unit;

    #[test]
    fn every_unit_of_ours_is_one_of_the_sdk() {
        for ucum in
            ["s", "ms", "us", "ns", "By", "kBy", "MBy/s", "GBy", "TBy", "bit", "kbit/s", "{x}", "{x}/s", "%", "1"]
        {
            let unit = Unit::of(ucum).name;
            assert!(StandardUnit::values().contains(&unit), "{unit}");
            assert_eq!(StandardUnit::from(unit).as_str(), unit);
        }
    }
}
