//! Where one signal goes.

use reqwest::Url;

use crate::Error;
use crate::settings::{Lookup, Protocol, Signal, set, variable};

/// Where one signal goes.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// What the exporter is given, credentials included.
    pub(crate) url: String,
    /// Scheme, host and port: what may be printed, and what two signals must share to be one destination.
    pub(crate) destination: String,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.destination)
    }
}

impl Endpoint {
    pub(crate) fn is_secure(&self) -> bool {
        self.destination.starts_with("https://")
    }

    pub(crate) fn read(lookup: Lookup<'_>, signal: Signal, protocol: Protocol) -> Result<Self, Error> {
        let (name, value) = variable(lookup, signal, "ENDPOINT").unwrap_or_else(|| {
            let default = match protocol {
                Protocol::Grpc => "http://localhost:4317",
                Protocol::HttpProtobuf | Protocol::HttpJson => "http://localhost:4318",
            };
            ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), default.to_owned())
        });
        let mut full = value.clone();
        if protocol == Protocol::Grpc && !value.contains("://") {
            // Only gRPC allows an endpoint without a scheme; TLS is then the default.
            let insecure = variable(lookup, signal, "INSECURE").is_some_and(|(_, v)| v.eq_ignore_ascii_case("true"));
            full = format!("{}://{value}", if insecure { "http" } else { "https" });
        }
        let wrong = |accepted: &str| Error::variable(&name, &without_credentials(&value), accepted);
        let url = Url::parse(&full).map_err(|_| wrong("a URL such as http://localhost:4318"))?;
        let host = url.host_str().ok_or_else(|| wrong("a URL with a host, such as http://localhost:4318"))?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "tls") => {}
            "https" => {
                return Err(wrong(
                    "an http:// URL, for this build has no TLS: turn on the cargo feature `tls` of cachescope (or of \
                     cachescope-otlp) (or set OTEL_EXPORTER_OTLP_INSECURE=true for a gRPC endpoint without a scheme)",
                ));
            }
            _ => return Err(wrong("a URL that starts with http:// or https://")),
        }
        let destination = match url.port_or_known_default() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        // The variable for all signals is a base, a signal's own is used as it is.
        let is_base =
            set(lookup, &format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.name().to_ascii_uppercase())).is_none();
        if protocol != Protocol::Grpc && is_base {
            full = format!("{}/v1/{}", full.trim_end_matches('/'), signal.name());
        }
        Ok(Self { url: full, destination })
    }
}

/// What can be shown of something that isn't a URL, or not one of ours: a password may hold what else ends an authority,
/// and a query a key.
fn without_credentials(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let rest = rest.rfind('@').map_or_else(|| rest.to_owned(), |at| format!("***{}", &rest[at..]));
    format!("{scheme}{}", rest.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: Protocol, variables: &[(&str, &str)]) -> Result<Endpoint, Error> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Endpoint::read(&lookup, Signal::Metrics, protocol)
    }

    #[test]
    fn what_cannot_be_read_is_shown_without_what_is_secret() {
        for url in ["http://me:pa/ss@collector:4318", "http://me:p?a#ss@collector:x", "ftp://collector/p?api_key=pass"]
        {
            let shown = without_credentials(url);
            assert!(!shown.contains("ss") && shown.contains("collector"), "{shown}");
        }
    }

    #[test]
    fn http_appends_the_signal_s_path_to_the_base_only() {
        let base = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:pass@collector:80/otlp/")];
        let endpoint = read(Protocol::HttpProtobuf, &base).unwrap();
        assert_eq!(endpoint.url, "http://user:pass@collector:80/otlp/v1/metrics");
        assert_eq!(endpoint.destination, "http://collector:80");

        let own = [("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector:9/mine")];
        assert_eq!(read(Protocol::HttpProtobuf, &own).unwrap().url, "http://collector:9/mine");
        assert_eq!(read(Protocol::HttpProtobuf, &[]).unwrap().url, "http://localhost:4318/v1/metrics");
    }

    #[test]
    fn json_goes_where_protobuf_goes() {
        let base = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:80")];
        assert_eq!(read(Protocol::HttpJson, &base).unwrap().url, "http://collector:80/v1/metrics");
        assert_eq!(read(Protocol::HttpJson, &[]).unwrap().url, "http://localhost:4318/v1/metrics");
    }

    #[test]
    fn grpc_takes_the_base_as_it_is_and_a_bare_host_with_insecure() {
        assert_eq!(read(Protocol::Grpc, &[]).unwrap().url, "http://localhost:4317");
        let bare = [("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")];
        assert_eq!(read(Protocol::Grpc, &bare).unwrap().url, "http://collector:4317");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_that_is_not_compiled_in_is_said() {
        let secure = [("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector")];
        let text = read(Protocol::HttpProtobuf, &secure).unwrap_err().to_string();
        assert!(text.contains("cargo feature `tls`") && text.contains("***@collector"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
