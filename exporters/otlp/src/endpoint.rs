use std::fmt;

use cachescope_exporter::{ConfigError, Variables};
use reqwest::Url;

use crate::protocol::Protocol;
use crate::signal::Signal;

/// The endpoint of one signal.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// The complete URL, credentials included.
    pub(crate) url: String,
    /// Scheme, host and port: the part that may be logged. Signals with equal ones share a destination.
    pub(crate) destination: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.destination)
    }
}

impl Endpoint {
    pub(crate) fn is_secure(&self) -> bool {
        self.destination.starts_with("https://")
    }

    pub(crate) fn read(variables: Variables<'_>, signal: Signal, protocol: Protocol) -> Result<Self, ConfigError> {
        let (name, value) = signal.variable(variables, "ENDPOINT").unwrap_or_else(|| {
            let default = match protocol {
                Protocol::Grpc => "http://localhost:4317",
                Protocol::HttpProtobuf | Protocol::HttpJson => "http://localhost:4318",
            };
            ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), default.to_owned())
        });
        let mut full = value.clone();
        if protocol == Protocol::Grpc && !value.contains("://") {
            // Only gRPC allows an endpoint without a scheme. TLS is then the default.
            let insecure = signal.variable(variables, "INSECURE");
            let insecure = insecure.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
            full = format!("{}://{value}", if insecure { "http" } else { "https" });
        }
        let wrong = |rule: &str| ConfigError::new(&name, rule, without_credentials(&value));
        let url = Url::parse(&full).map_err(|_| wrong("a URL such as http://localhost:4318"))?;
        let host = url.host_str().ok_or_else(|| wrong("a URL with a host, such as http://localhost:4318"))?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "tls") => {}
            "https" => {
                return Err(wrong("an http:// URL in a build without TLS").advice(
                    "turn on the cargo feature `tls` of cachescope (or of cachescope-otlp), or set \
                     OTEL_EXPORTER_OTLP_INSECURE=true for a gRPC endpoint without a scheme",
                ));
            }
            _ => return Err(wrong("a URL that starts with http:// or https://")),
        }
        let destination = match url.port_or_known_default() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        // The variable for all signals is a base URL. A signal's own variable is used as it is.
        let is_base = variables.get(&signal.own_variable("ENDPOINT")).is_none();
        if protocol != Protocol::Grpc && is_base {
            full = format!("{}/v1/{}", full.trim_end_matches('/'), signal.name());
        }
        Ok(Self { url: full, destination })
    }
}

/// Returns the part of an invalid URL that may be shown. A password may hold characters that otherwise end an authority,
/// and a query may hold a key.
fn without_credentials(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let rest = rest.rfind('@').map_or_else(|| rest.to_owned(), |at| format!("***{}", &rest[at..]));
    format!("{scheme}{}", rest.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: Protocol, variables: &[(&str, &str)]) -> Result<Endpoint, ConfigError> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Endpoint::read(Variables::new(&lookup), Signal::Metrics, protocol)
    }

    #[test]
    fn invalid_url_is_shown_without_its_secrets() {
        for url in ["http://me:pa/ss@collector:4318", "http://me:p?a#ss@collector:x", "ftp://collector/p?api_key=pass"]
        {
            let shown = without_credentials(url);
            assert!(!shown.contains("ss") && shown.contains("collector"), "{shown}");
        }
    }

    #[test]
    fn http_appends_the_path_of_the_signal_to_the_base_url_only() {
        let base = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:pass@collector:80/otlp/")];
        let endpoint = read(Protocol::HttpProtobuf, &base).unwrap();
        assert_eq!(endpoint.url, "http://user:pass@collector:80/otlp/v1/metrics");
        assert_eq!(endpoint.destination, "http://collector:80");

        let own = [("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector:9/mine")];
        assert_eq!(read(Protocol::HttpProtobuf, &own).unwrap().url, "http://collector:9/mine");
        assert_eq!(read(Protocol::HttpProtobuf, &[]).unwrap().url, "http://localhost:4318/v1/metrics");
    }

    #[test]
    fn json_has_the_same_endpoints_as_protobuf() {
        let base = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:80")];
        assert_eq!(read(Protocol::HttpJson, &base).unwrap().url, "http://collector:80/v1/metrics");
        assert_eq!(read(Protocol::HttpJson, &[]).unwrap().url, "http://localhost:4318/v1/metrics");
    }

    #[test]
    fn grpc_uses_the_base_url_unchanged_and_accepts_a_bare_host_when_insecure() {
        assert_eq!(read(Protocol::Grpc, &[]).unwrap().url, "http://localhost:4317");
        let bare = [("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")];
        assert_eq!(read(Protocol::Grpc, &bare).unwrap().url, "http://collector:4317");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn https_endpoint_names_the_cargo_feature_when_tls_is_off() {
        let secure = [("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector")];
        let text = read(Protocol::HttpProtobuf, &secure).unwrap_err().to_string();
        assert!(text.contains("cargo feature `tls`") && text.contains("***@collector"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
