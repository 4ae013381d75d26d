use std::time::Duration;

use cachescope_exporter::{ConfigError, Variables};
use opentelemetry_sdk::metrics::Temporality;
use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::encoding::{Encoding, Format};
use crate::endpoint::Endpoint;
use crate::protocol::Protocol;
use crate::signal::Signal;
use crate::tls::Tls;

/// The specification's default for `OTEL_EXPORTER_OTLP_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The settings of one signal.
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
    /// Reads and checks the variables.
    pub(crate) fn read(variables: Variables<'_>, signal: Signal) -> Result<Self, ConfigError> {
        let protocol = match signal.variable(variables, "PROTOCOL") {
            None => Protocol::HttpProtobuf,
            Some((name, value)) => match value.to_ascii_lowercase().as_str() {
                "grpc" => Protocol::Grpc,
                "http/protobuf" => Protocol::HttpProtobuf,
                "http/json" => Protocol::HttpJson,
                _ => return Err(ConfigError::new(name, "grpc, http/protobuf or http/json", value)),
            },
        };
        let timeout = match signal.variable(variables, "TIMEOUT") {
            None => TIMEOUT,
            Some((name, _)) => variables.milliseconds(&name)?.unwrap_or(TIMEOUT),
        };
        // The SDK has such a limit as well, but its threads don't enforce it.
        let limit = variables.milliseconds(signal.sdk_timeout_variable())?;
        let timeout = limit.map_or(timeout, |limit| timeout.min(limit));
        let gzip = match signal.variable(variables, "COMPRESSION") {
            None => false,
            Some((name, value)) => match value.to_ascii_lowercase().as_str() {
                "gzip" => true,
                "none" => false,
                _ => return Err(ConfigError::new(name, "gzip or none", value)),
            },
        };
        let headers = match signal.variable(variables, "HEADERS") {
            None => HeaderMap::new(),
            Some((name, value)) => headers(&value).ok_or_else(|| {
                ConfigError::secret(&name, "name=value pairs separated by commas, with percent-encoded values")
            })?,
        };
        let (endpoint, tls) = (Endpoint::read(variables, signal, protocol)?, Tls::read(variables, signal)?);
        Ok(Self { protocol, endpoint, timeout, headers, gzip, tls })
    }

    /// Returns the encoding of a request's body.
    pub(crate) fn encoding(&self) -> Encoding {
        match self.protocol {
            Protocol::Grpc => Encoding { format: Format::Protobuf, gzip: false },
            Protocol::HttpProtobuf => Encoding { format: Format::Protobuf, gzip: self.gzip },
            Protocol::HttpJson => Encoding { format: Format::Json, gzip: self.gzip },
        }
    }

    /// Returns whether the TLS variable of that name is set and has an effect on this signal.
    pub(crate) fn uses(&self, name: &str) -> bool {
        self.endpoint.is_secure() && self.tls.names().iter().any(|set| set == name)
    }

    /// Returns the TLS variables that are set and have no effect on this signal.
    pub(crate) fn without_effect(&self) -> &[String] {
        if self.endpoint.is_secure() { &[] } else { self.tls.names() }
    }
}

/// Reads `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`; cumulative by default.
pub(crate) fn temporality(variables: Variables<'_>) -> Result<Temporality, ConfigError> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    let temporality =
        variables.parse(NAME, "cumulative, delta or lowmemory", |value| match value.to_ascii_lowercase().as_str() {
            "cumulative" => Some(Temporality::Cumulative),
            "delta" => Some(Temporality::Delta),
            "lowmemory" => Some(Temporality::LowMemory),
            _ => None,
        });
    Ok(temporality?.unwrap_or(Temporality::Cumulative))
}

/// Parses `name=value` pairs. Returns `None` if one is malformed.
fn headers(value: &str) -> Option<HeaderMap> {
    let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            let mut value = HeaderValue::from_str(&value).ok()?;
            // Keeps the value out of all `Debug` output, that of other libraries included.
            value.set_sensitive(true);
            Some((name, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Settings::read(Variables::new(&lookup), Signal::Traces)
    }

    #[test]
    fn defaults_match_the_specification() {
        let s = read(&[]).unwrap();
        assert_eq!(s.protocol, Protocol::HttpProtobuf);
        assert_eq!(s.timeout, Duration::from_secs(10));
        assert!(s.headers.is_empty() && !s.gzip);
    }

    #[test]
    fn own_variable_of_a_signal_wins_and_an_empty_one_is_unset() {
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
    fn invalid_value_is_reported_with_its_variable_and_rule() {
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
            assert!(text.contains(name) && text.contains(value) && text.contains(accepted), "{text}");
        }
    }

    #[test]
    fn timeout_of_the_sdk_applies_when_it_is_shorter() {
        for (limit, expected) in [("700", 700), ("30000", 10_000)] {
            assert_eq!(read(&[("OTEL_BSP_EXPORT_TIMEOUT", limit)]).unwrap().timeout, Duration::from_millis(expected));
        }
        let other = read(&[("OTEL_METRIC_EXPORT_TIMEOUT", "1")]).unwrap();
        assert_eq!(other.timeout, Duration::from_secs(10), "that one is for metrics");
    }

    #[test]
    fn invalid_header_is_not_shown() {
        let text = read(&[("OTEL_EXPORTER_OTLP_HEADERS", "secret-token")]).unwrap_err().to_string();
        assert!(text.contains("OTEL_EXPORTER_OTLP_HEADERS") && !text.contains("secret-token"), "{text}");
    }

    #[test]
    fn temporality_is_read_in_any_case() {
        for (value, expected) in [
            ("cumulative", Temporality::Cumulative),
            ("Delta", Temporality::Delta),
            ("LOWMEMORY", Temporality::LowMemory),
        ] {
            assert_eq!(temporality(Variables::new(&|_| Some(value.to_owned()))).unwrap(), expected);
        }
        let text = temporality(Variables::new(&|_| Some("both".to_owned()))).unwrap_err().to_string();
        assert!(text.contains("TEMPORALITY_PREFERENCE must be cumulative, delta or lowmemory, got \"both\""), "{text}");
    }
}
