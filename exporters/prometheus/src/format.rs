use std::cmp::Ordering;

/// The media type of [`Format::Text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How metrics are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus's text format, version 0.0.4: what everything reads.
    #[default]
    Text,
    /// OpenMetrics 1.0, which has units and times of creation beside. Prometheus asks for it by itself.
    OpenMetrics,
}

/// What to answer a scraper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Negotiated {
    pub(crate) format: Format,
    /// It asked how names are escaped, so it is told.
    tells_escaping: bool,
}

impl Format {
    /// The format that an `Accept` header prefers of the two; [`Format::Text`] where it says nothing or neither.
    ///
    /// By `q`, then by what is named more exactly, then by what is named first. Nobody is refused: a scraper is better
    /// off with a format it didn't think of than with none.
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
        Negotiated::of(accept).format
    }

    /// The media type to answer with.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => CONTENT_TYPE,
            Self::OpenMetrics => OPENMETRICS,
        }
    }
}

impl Negotiated {
    pub(crate) fn of(accept: Option<&str>) -> Self {
        let ranges: Vec<_> = accept.unwrap_or_default().split(',').filter_map(Range::parse).collect();
        // Of equals `max_by` takes the last; the first is meant.
        let best = ranges.iter().rev().max_by(|one, other| one.compare(other));
        best.map_or_else(Self::default, |best| Self { format: best.format, tells_escaping: best.asks_escaping })
    }

    pub(crate) fn content_type(self) -> &'static str {
        match (self.format, self.tells_escaping) {
            (format, false) => format.content_type(),
            (Format::Text, true) => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            (Format::OpenMetrics, true) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            }
        }
    }
}

/// One of the media ranges of `Accept` that a format of ours falls into.
#[derive(Debug)]
struct Range {
    format: Format,
    /// In thousandths.
    q: u16,
    exactness: u8,
    asks_escaping: bool,
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
        let (mut q, mut asks_escaping) = (1000, false);
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                q = thousandths(value)?;
            } else if name.eq_ignore_ascii_case("version") {
                let ours = if format == Format::OpenMetrics { "1.0.0" } else { "0.0.4" };
                (value == ours).then_some(())?;
            } else if name.eq_ignore_ascii_case("escaping") {
                asks_escaping = true;
            }
        }
        (q > 0).then_some(Self { format, q, exactness, asks_escaping })
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.q, self.exactness).cmp(&(other.q, other.exactness))
    }
}

/// A weight, 0 to 1 with up to three decimals; nothing else is one.
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
    fn each_accept_header_gives_what_it_prefers() {
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
    fn who_asks_for_the_escaping_is_told() {
        let types = |accept| Negotiated::of(Some(accept)).content_type();
        assert_eq!(
            types(PROMETHEUS_3),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
        );
        assert_eq!(types("text/plain;escaping=values"), format!("{CONTENT_TYPE}; escaping=underscores"));
        assert_eq!(types("application/openmetrics-text"), OPENMETRICS);
    }
}
