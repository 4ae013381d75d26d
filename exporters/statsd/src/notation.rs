//! Lines in a dialect.

use cadence::{Counted, Distributed, Gauged, Metric, MetricBuilder, NopMetricSink, StatsdClient, Timed};
use opentelemetry::KeyValue;

use crate::Dialect;
use crate::name;
use crate::number::{Number, Written};

/// How lines are written. `cadence` does the writing; sending is ours, see [`Socket`](crate::socket::Socket).
#[derive(Debug)]
pub(crate) struct Notation {
    client: StatsdClient,
    dialect: Dialect,
}

/// What lines of one series begin and end with.
#[derive(Clone, Debug)]
pub(crate) struct Series<'a> {
    notation: &'a Notation,
    name: String,
    tags: Vec<(String, String)>,
}

impl Notation {
    pub(crate) fn new(dialect: Dialect, prefix: &str) -> Self {
        Self { client: StatsdClient::from_sink(prefix, NopMetricSink), dialect }
    }

    /// Attributes of the point come after those of its resource, by key.
    pub(crate) fn series<'k>(&self, name: &str, attributes: impl Iterator<Item = &'k KeyValue>) -> Series<'_> {
        let mut attributes: Vec<&KeyValue> = attributes.collect();
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let mut series = Series { notation: self, name: name::name(name), tags: Vec::new() };
        for KeyValue { key, value, .. } in attributes {
            if self.dialect == Dialect::Plain {
                series.name += &format!(".{}.{}", name::level(key.as_str()), name::level(&value.as_str()));
            } else {
                series.tags.push((name::key(key.as_str()), name::value(&value.as_str())));
            }
        }
        series
    }
}

impl Series<'_> {
    /// The series of one of several numbers.
    pub(crate) fn part(&self, part: &str) -> Self {
        Self { name: format!("{}.{part}", self.name), ..self.clone() }
    }

    /// None if it isn't a number, here and below.
    pub(crate) fn counter(&self, value: impl Number) -> Option<String> {
        self.line(self.notation.client.count_with_tags(&self.name, value.exact()?))
    }

    /// Two lines that belong together if it is negative: alone it would be subtracted.
    pub(crate) fn gauge(&self, value: impl Number) -> Option<String> {
        let line = |value: Written| self.line(self.notation.client.gauge_with_tags(&self.name, value));
        let itself = line(value.exact()?)?;
        if value.approximate() < 0.0 { Some(line(0_u64.exact()?)? + "\n" + &itself) } else { Some(itself) }
    }

    pub(crate) fn timing(&self, value: f64, rate: Option<f64>) -> Option<String> {
        let (client, written) = (&self.notation.client, value.exact()?);
        match self.notation.dialect {
            Dialect::DogStatsD => self.line(rated(client.distribution_with_tags(&self.name, written), rate)),
            // The servers of these refuse negative times.
            Dialect::Plain | Dialect::Tagged if value < 0.0 => None,
            Dialect::Plain | Dialect::Tagged => self.line(rated(client.time_with_tags(&self.name, written), rate)),
        }
    }

    fn line<'a, T: Metric + From<String>>(&'a self, builder: MetricBuilder<'a, '_, T>) -> Option<String> {
        let tagged = self.tags.iter().fold(builder, |builder, (key, value)| builder.with_tag(key, value));
        tagged.try_send().ok().map(|line| line.as_metric_str().to_owned())
    }
}

fn rated<'m, 'c, T: Metric + From<String>>(
    builder: MetricBuilder<'m, 'c, T>,
    rate: Option<f64>,
) -> MetricBuilder<'m, 'c, T> {
    match rate {
        Some(rate) => builder.with_sampling_rate(rate),
        None => builder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(dialect: Dialect, prefix: &str) -> Vec<Option<String>> {
        let notation = Notation::new(dialect, prefix);
        let attributes = [KeyValue::new("result", "hit"), KeyValue::new("cache.name", "a.b: c")];
        let series = notation.series("cachescope.requests", attributes.iter());
        vec![
            series.counter(3_u64),
            series.gauge(1.5),
            series.gauge(-2_i64),
            series.timing(0.25, Some(0.5)),
            series.part("count").counter(u64::MAX),
            series.counter(f64::NAN),
            series.timing(-1.0, None),
            series.gauge(-0.0),
        ]
    }

    #[test]
    fn plain_lines_have_attributes_in_their_names() {
        let name = "app.cachescope.requests.cache_name.a_b__c.result.hit";
        assert_eq!(
            lines(Dialect::Plain, "app."),
            [
                Some(format!("{name}:3|c")),
                Some(format!("{name}:1.5|g")),
                Some(format!("{name}:0|g\n{name}:-2|g")),
                Some(format!("{name}:0.25|ms|@0.5")),
                Some(format!("{name}.count:18446744073709551615|c")),
                None,
                None,
                Some(format!("{name}:0|g")),
            ]
        );
    }

    #[test]
    fn tagged_lines_have_them_behind() {
        let (name, tags) = ("cachescope.requests", "|#cache.name:a.b__c,result:hit");
        let tagged = lines(Dialect::Tagged, "");
        assert_eq!(tagged[0], Some(format!("{name}:3|c{tags}")));
        assert_eq!(tagged[2], Some(format!("{name}:0|g{tags}\n{name}:-2|g{tags}")));
        assert_eq!(tagged[3], Some(format!("{name}:0.25|ms|@0.5{tags}")));
        assert_eq!(tagged[6], None);
        let dog = lines(Dialect::DogStatsD, "");
        assert_eq!(dog[3], Some(format!("{name}:0.25|d|@0.5{tags}")));
        assert_eq!(dog[6], Some(format!("{name}:-1|d{tags}")));
    }
}
