use cadence::{Counted, Distributed, Gauged, Metric, MetricBuilder, NopMetricSink, StatsdClient, Timed};
use opentelemetry::KeyValue;

use crate::Dialect;
use crate::line_value::{LineNumber, LineValue};
use crate::sanitize;

/// The format of lines in a dialect. `cadence` writes them, and [`Socket`](crate::socket::Socket) sends them.
#[derive(Debug)]
pub(crate) struct LineFormat {
    client: StatsdClient,
    dialect: Dialect,
}

/// The format of the lines of one series: their name and tags.
#[derive(Clone, Debug)]
pub(crate) struct SeriesFormat<'a> {
    format: &'a LineFormat,
    name: String,
    tags: Vec<(String, String)>,
}

impl LineFormat {
    pub(crate) fn new(dialect: Dialect, prefix: &str) -> Self {
        Self { client: StatsdClient::from_sink(prefix, NopMetricSink), dialect }
    }

    /// Returns the format of a series. Attributes are sorted by key, and those of the resource precede the point's.
    pub(crate) fn series<'k>(&self, name: &str, attributes: impl Iterator<Item = &'k KeyValue>) -> SeriesFormat<'_> {
        let mut attributes: Vec<&KeyValue> = attributes.collect();
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let mut series = SeriesFormat { format: self, name: sanitize::name(name), tags: Vec::new() };
        for KeyValue { key, value, .. } in attributes {
            if self.dialect == Dialect::Plain {
                series.name += &format!(".{}.{}", sanitize::level(key.as_str()), sanitize::level(&value.as_str()));
            } else {
                series.tags.push((sanitize::key(key.as_str()), sanitize::value(&value.as_str())));
            }
        }
        series
    }
}

impl SeriesFormat<'_> {
    /// Returns the format of a series for one of several numbers, such as `count`.
    pub(crate) fn part(&self, part: &str) -> Self {
        Self { name: format!("{}.{part}", self.name), ..self.clone() }
    }

    /// Returns the line of a counter, or `None` if the value isn't finite.
    pub(crate) fn counter(&self, value: impl LineNumber) -> Option<String> {
        self.line(self.format.client.count_with_tags(&self.name, value.line_value()?))
    }

    /// Returns the line of a gauge, or `None` if the value isn't finite. A negative value has a line with zero before it,
    /// because a server would subtract it otherwise.
    pub(crate) fn gauge(&self, value: impl LineNumber) -> Option<String> {
        let line = |value: LineValue| self.line(self.format.client.gauge_with_tags(&self.name, value));
        let line_itself = line(value.line_value()?)?;
        if value.to_f64() < 0.0 { Some(line(0_u64.line_value()?)? + "\n" + &line_itself) } else { Some(line_itself) }
    }

    /// Returns the line of a timing, or `None` if the value isn't finite, or negative in a dialect that refuses it.
    pub(crate) fn timing(&self, value: f64, rate: Option<f64>) -> Option<String> {
        let (client, written) = (&self.format.client, value.line_value()?);
        match self.format.dialect {
            Dialect::DogStatsD => self.line(rated(client.distribution_with_tags(&self.name, written), rate)),
            // Servers of these dialects refuse negative times.
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
        let format = LineFormat::new(dialect, prefix);
        let attributes = [KeyValue::new("result", "hit"), KeyValue::new("cache.name", "a.b: c")];
        let series = format.series("cachescope.requests", attributes.iter());
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
    fn tagged_lines_have_attributes_as_tags() {
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
