use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};

use crate::datum::{Datum, DatumValue};
use crate::settings::Resolution;

/// Converts a datum to the type of the AWS SDK.
pub(crate) fn metric_datum(datum: &Datum, resolution: Resolution) -> MetricDatum {
    let builder = MetricDatum::builder()
        .metric_name(&datum.name)
        .set_dimensions(Some(datum.dimensions.iter().map(dimension).collect()))
        .timestamp(DateTime::from(datum.time))
        .unit(StandardUnit::from(datum.unit))
        .storage_resolution(resolution.seconds());
    match &datum.value {
        DatumValue::Single(value) => builder.value(*value).build(),
        DatumValue::Distribution(part) => {
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
    fn every_unit_is_a_unit_of_the_aws_sdk() {
        for ucum in
            ["s", "ms", "us", "ns", "By", "kBy", "MBy/s", "GBy", "TBy", "bit", "kbit/s", "{x}", "{x}/s", "%", "1"]
        {
            let unit = Unit::from_ucum(ucum).name;
            assert!(StandardUnit::values().contains(&unit), "{unit}");
            assert_eq!(StandardUnit::from(unit).as_str(), unit);
        }
    }
}
