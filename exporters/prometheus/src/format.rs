//! The exposition formats, and their negotiation by the `Accept` header.

use std::cmp::Ordering;

/// The media type of [`Format::Text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The exposition format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus's text format, version 0.0.4, which every scraper reads.
    #[default]
    Text,
    /// OpenMetrics 1.0, which adds units and start times. Prometheus requests it by default.
    OpenMetrics,
}

/// The format of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NegotiatedFormat {
    pub(crate) format: Format,
    /// Whether the request named an escaping scheme, so that the response must name one too.
    names_escaping: bool,
}

impl Format {
    /// Returns the format that an `Accept` header prefers; [`Format::Text`] if the header is missing or names neither.
    ///
    /// Media ranges are compared by `q`, then by how exact they are, then by their order. No request is refused: for a
    /// scraper, an unexpected format is better than none.
    ///
    /// ```
    /// use cachescope_prometheus::Format;
    ///
    /// let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    /// assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
    /// assert_eq!(Format::accepted(Some("text/html,*/*;q=0.8")), Format::Text);
    /// assert_eq!(Format::accepted(None), Format::Text);
    /// ```
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Self {
        NegotiatedFormat::new(accept).format
    }

    /// Returns the media type of the format.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => CONTENT_TYPE,
            Self::OpenMetrics => OPENMETRICS,
        }
    }
}

impl NegotiatedFormat {
    pub(crate) fn new(accept: Option<&str>) -> Self {
        let ranges: Vec<_> = accept.unwrap_or_default().split(',').filter_map(Range::parse).collect();
        // `max_by` returns the last of equal ranges; reversed, it returns the first.
        let best = ranges.iter().rev().max_by(|one, other| one.compare(other));
        best.map_or_else(Self::default, |best| Self { format: best.format, names_escaping: best.requests_escaping })
    }

    pub(crate) fn content_type(self) -> &'static str {
        match (self.format, self.names_escaping) {
            (format, false) => format.content_type(),
            (Format::Text, true) => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            (Format::OpenMetrics, true) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            }
        }
    }
}

/// A media range of the `Accept` header that matches one of the formats.
#[derive(Debug)]
struct Range {
    format: Format,
    /// The weight, in thousandths.
    q: u16,
    exactness: u8,
    requests_escaping: bool,
}

impl Range {
    fn parse(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let (format, exactness) = match media.as_str() {
            "application/openmetrics-text" => (Format::OpenMetrics, 2),
            "text/plain" => (Format::Text, 2),
            "application/*" => (Format::OpenMetrics, 1),
            "text/*" => (Format::Text, 1),
            "*/*" => (Format::Text, 0),
            _ => return None,
        };
        let (mut q, mut requests_escaping) = (1000, false);
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                q = thousandths(value)?;
            } else if name.eq_ignore_ascii_case("version") {
                let supported = if format == Format::OpenMetrics { "1.0.0" } else { "0.0.4" };
                (value == supported).then_some(())?;
            } else if name.eq_ignore_ascii_case("escaping") {
                requests_escaping = true;
            }
        }
        (q > 0).then_some(Self { format, q, exactness, requests_escaping })
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.q, self.exactness).cmp(&(other.q, other.exactness))
    }
}

/// Parses a weight: 0 to 1, with up to three decimals.
fn thousandths(q: &str) -> Option<u16> {
    let weight: f32 = q.parse().ok()?;
    (0.0..=1.0).contains(&weight).then(|| (weight * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
        application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
        text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

    #[test]
    fn accept_header_selects_the_preferred_format() {
        for (accept, expected) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/*", Format::Text),
            ("application/*", Format::OpenMetrics),
            (PROMETHEUS_3, Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.1", Format::OpenMetrics),
            ("application/openmetrics-text; version=0.0.1, text/plain", Format::Text),
            ("application/openmetrics-text; version=2.0.0", Format::Text),
            ("text/plain;q=0.5, application/openmetrics-text;q=0.501", Format::OpenMetrics),
            ("text/plain;q=0.5, application/openmetrics-text;q=0.5", Format::Text),
            ("application/openmetrics-text, text/plain", Format::OpenMetrics),
            ("*/*, application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;q=0, text/plain;q=0.1", Format::Text),
            ("application/openmetrics-text;q=much", Format::Text),
            ("application/openmetrics-text;q=7", Format::Text),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", Format::Text),
            (";;,=,;q", Format::Text),
        ] {
            assert_eq!(Format::accepted(Some(accept)), expected, "{accept}");
        }
    }

    #[test]
    fn content_type_names_the_escaping_when_requested() {
        let types = |accept| NegotiatedFormat::new(Some(accept)).content_type();
        assert_eq!(
            types(PROMETHEUS_3),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
        );
        assert_eq!(types("text/plain;escaping=values"), format!("{CONTENT_TYPE}; escaping=underscores"));
        assert_eq!(types("application/openmetrics-text"), OPENMETRICS);
    }
}
