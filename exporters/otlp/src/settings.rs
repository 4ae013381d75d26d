//! What the variables say, checked.

use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;
use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::Error;
use crate::endpoint::Endpoint;
use crate::payload::{Encoding, Format};
use crate::tls::Tls;

/// Reads a variable: from the process, from defaults set in code, or from a test's table.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The specification's default for `OTEL_EXPORTER_OTLP_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    pub(crate) const COUNT: usize = 2;

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The SDK's limit for an export of this signal.
    fn limit(self) -> &'static str {
        match self {
            Self::Traces => "OTEL_BSP_EXPORT_TIMEOUT",
            Self::Metrics => "OTEL_METRIC_EXPORT_TIMEOUT",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

/// What the variables say about one signal, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: Endpoint,
    pub(crate) timeout: Duration,
    pub(crate) headers: HeaderMap,
    pub(crate) gzip: bool,
    pub(crate) tls: Tls,
}

impl Settings {
    pub(crate) fn read(lookup: Lookup<'_>, signal: Signal) -> Result<Self, Error> {
        let protocol = match variable(lookup, signal, "PROTOCOL") {
            None => Protocol::HttpProtobuf,
            Some((name, value)) => match value.to_ascii_lowercase().as_str() {
                "grpc" => Protocol::Grpc,
                "http/protobuf" => Protocol::HttpProtobuf,
                "http/json" => Protocol::HttpJson,
                _ => return Err(Error::variable(&name, &value, "grpc, http/protobuf or http/json")),
            },
        };
        let timeout = match variable(lookup, signal, "TIMEOUT") {
            None => TIMEOUT,
            Some(named) => milliseconds(named)?,
        };
        // The SDK has such a limit as well, which its threads don't keep: here it is kept.
        let limit = signal.limit();
        let timeout = match set(lookup, limit) {
            None => timeout,
            Some(value) => timeout.min(milliseconds((limit.to_owned(), value))?),
        };
        let gzip = match variable(lookup, signal, "COMPRESSION") {
            None => false,
            Some((name, value)) => match value.to_ascii_lowercase().as_str() {
                "gzip" => true,
                "none" => false,
                _ => return Err(Error::variable(&name, &value, "gzip or none")),
            },
        };
        let headers = match variable(lookup, signal, "HEADERS") {
            None => HeaderMap::new(),
            Some((name, value)) => headers(&value).ok_or_else(|| {
                Error::secret_variable(&name, "name=value pairs parted by commas, values percent-encoded")
            })?,
        };
        let (endpoint, tls) = (Endpoint::read(lookup, signal, protocol)?, Tls::read(lookup, signal)?);
        Ok(Self { protocol, endpoint, timeout, headers, gzip, tls })
    }

    /// How a body is written.
    pub(crate) fn encoding(&self) -> Encoding {
        match self.protocol {
            Protocol::Grpc => Encoding { format: Format::Protobuf, gzip: false },
            Protocol::HttpProtobuf => Encoding { format: Format::Protobuf, gzip: self.gzip },
            Protocol::HttpJson => Encoding { format: Format::Json, gzip: self.gzip },
        }
    }

    /// Whether the variable of that name, if it is set, counts here.
    pub(crate) fn honours(&self, name: &str) -> bool {
        self.endpoint.is_secure() && self.tls.names().iter().any(|set| set == name)
    }

    /// Variables that are set and change nothing here.
    pub(crate) fn without_effect(&self) -> &[String] {
        if self.endpoint.is_secure() { &[] } else { self.tls.names() }
    }
}

/// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, cumulative unless set.
pub(crate) fn temporality(lookup: Lookup<'_>) -> Result<Temporality, Error> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    let Some(value) = set(lookup, NAME) else { return Ok(Temporality::Cumulative) };
    match value.to_ascii_lowercase().as_str() {
        "cumulative" => Ok(Temporality::Cumulative),
        "delta" => Ok(Temporality::Delta),
        "lowmemory" => Ok(Temporality::LowMemory),
        _ => Err(Error::variable(NAME, &value, "cumulative, delta or lowmemory")),
    }
}

/// The signal's own variable, else the one for all signals, with the name that was set.
pub(crate) fn variable(lookup: Lookup<'_>, signal: Signal, what: &str) -> Option<(String, String)> {
    let own = format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.name().to_ascii_uppercase());
    let all = format!("OTEL_EXPORTER_OTLP_{what}");
    [own, all].into_iter().find_map(|name| set(lookup, &name).map(|value| (name, value)))
}

/// An empty value counts as unset, as the specification wants.
pub(crate) fn set(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn milliseconds((name, value): (String, String)) -> Result<Duration, Error> {
    match value.parse() {
        Ok(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        _ => Err(Error::variable(&name, &value, "milliseconds, a whole number above 0")),
    }
}

fn headers(value: &str) -> Option<HeaderMap> {
    let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            let mut value = HeaderValue::from_str(&value).ok()?;
            // Keeps it out of Debug output, ours and that of the libraries it passes through.
            value.set_sensitive(true);
            Some((name, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Error> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Settings::read(&lookup, Signal::Traces)
    }

    #[test]
    fn defaults_are_those_of_the_specification() {
        let s = read(&[]).unwrap();
        assert_eq!(s.protocol, Protocol::HttpProtobuf);
        assert_eq!(s.timeout, Duration::from_secs(10));
        assert!(s.headers.is_empty() && !s.gzip);
    }

    #[test]
    fn a_signal_s_own_variable_wins_and_empty_is_unset() {
        let s = read(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "GRPC"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", ""),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc, x-tenant=7,"),
        ])
        .unwrap();
        assert_eq!(s.protocol, Protocol::Grpc);
        assert_eq!(s.timeout, Duration::from_millis(250));
        assert!(s.gzip);
        assert_eq!(s.headers["authorization"], "Basic abc");
        assert_eq!(s.headers["x-tenant"], "7");
        assert!(!format!("{s:?}").contains("abc"), "a header's value shows in Debug");
    }

    #[test]
    fn wrong_values_name_variable_value_and_what_is_accepted() {
        for (name, value, accepted) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http", "grpc, http/protobuf or http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "udp", "grpc, http/protobuf or http/json"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "-1", "milliseconds"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "above 0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip or none"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http://"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            let text = error.to_string();
            assert!(error.is_variable());
            assert!(text.contains(name) && text.contains(value) && text.contains(accepted), "{text}");
        }
    }

    #[test]
    fn the_sdk_s_limit_counts_where_it_is_the_shorter() {
        for (limit, expected) in [("700", 700), ("30000", 10_000)] {
            assert_eq!(read(&[("OTEL_BSP_EXPORT_TIMEOUT", limit)]).unwrap().timeout, Duration::from_millis(expected));
        }
        let other = read(&[("OTEL_METRIC_EXPORT_TIMEOUT", "1")]).unwrap();
        assert_eq!(other.timeout, Duration::from_secs(10), "that one is for metrics");
    }

    #[test]
    fn a_wrong_header_is_not_shown() {
        let text = read(&[("OTEL_EXPORTER_OTLP_HEADERS", "secret-token")]).unwrap_err().to_string();
        assert!(text.contains("OTEL_EXPORTER_OTLP_HEADERS") && !text.contains("secret-token"), "{text}");
    }

    #[test]
    fn temporality_takes_the_three_values_in_any_case() {
        for (value, expected) in [
            ("cumulative", Temporality::Cumulative),
            ("Delta", Temporality::Delta),
            ("LOWMEMORY", Temporality::LowMemory),
        ] {
            assert_eq!(temporality(&|_| Some(value.to_owned())).unwrap(), expected);
        }
        let text = temporality(&|_| Some("both".to_owned())).unwrap_err().to_string();
        assert!(text.contains("TEMPORALITY_PREFERENCE is \"both\": expected cumulative, delta or lowmemory"), "{text}");
    }
}
