use std::fmt;

use cachescope_exporter::{ConfigError, Variables};

use crate::Error;
use crate::signal::Signal;

const AUTHORITY: &str = "CERTIFICATE";
const CERTIFICATE: &str = "CLIENT_CERTIFICATE";
const KEY: &str = "CLIENT_KEY";

/// The certificates of one signal, from files that its variables name. The files are read once.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// The certificate authorities to trust, instead of the system's.
    #[cfg(feature = "tls")]
    authority: Option<Vec<u8>>,
    /// The client certificate and its key.
    #[cfg(feature = "tls")]
    identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The variables that are set.
    names: Vec<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.names).finish()
    }
}

impl Tls {
    #[cfg(feature = "tls")]
    pub(crate) fn read(variables: Variables<'_>, signal: Signal) -> Result<Self, ConfigError> {
        let [authority, certificate, key] =
            [AUTHORITY, CERTIFICATE, KEY].map(|suffix| signal.variable(variables, suffix));
        let set = [&authority, &certificate, &key].into_iter().flatten();
        let names = set.map(|(name, _)| name.clone()).collect();
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((pem(&certificate, "CERTIFICATE")?, pem(&key, "PRIVATE KEY")?)),
            (None, None) => None,
            (Some((name, value)), None) => return Err(missing(&name, &value, CERTIFICATE, KEY)),
            (None, Some((name, value))) => return Err(missing(&name, &value, KEY, CERTIFICATE)),
        };
        let authority = authority.map(|authority| pem(&authority, "CERTIFICATE")).transpose()?;
        Ok(Self { authority, identity, names })
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn read(variables: Variables<'_>, signal: Signal) -> Result<Self, ConfigError> {
        match [AUTHORITY, CERTIFICATE, KEY].into_iter().find_map(|suffix| signal.variable(variables, suffix)) {
            None => Ok(Self::default()),
            Some((name, value)) => Err(ConfigError::new(name, "unset in a build without TLS", value)
                .advice("turn on the cargo feature `tls` of cachescope (or of cachescope-otlp)")),
        }
    }

    /// Returns the variables that are set.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    #[cfg(feature = "tls")]
    pub(crate) fn http(&self, mut client: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Error> {
        use crate::failure::innermost;
        let wrong = |error: reqwest::Error| Error::build(&innermost(&error));
        if let Some(authority) = &self.authority {
            client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(authority).map_err(wrong)?);
        }
        if let Some((certificate, key)) = &self.identity {
            let both = [certificate.as_slice(), b"\n", key].concat();
            client = client.identity(reqwest::Identity::from_pem(&both).map_err(wrong)?);
        }
        Ok(client)
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same signature as with TLS")]
    pub(crate) fn http(&self, client: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Error> {
        Ok(client)
    }

    #[cfg(feature = "tls")]
    pub(crate) fn grpc(
        &self,
        endpoint: tonic::transport::Endpoint,
        secure: bool,
    ) -> Result<tonic::transport::Endpoint, Error> {
        use tonic::transport::{Certificate, ClientTlsConfig, Identity};
        if !secure {
            return Ok(endpoint);
        }
        let mut config = match &self.authority {
            Some(authority) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(certificate, key));
        }
        endpoint.tls_config(config).map_err(|error| Error::build(&crate::failure::innermost(&error)))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same signature as with TLS")]
    pub(crate) fn grpc(
        &self,
        endpoint: tonic::transport::Endpoint,
        _secure: bool,
    ) -> Result<tonic::transport::Endpoint, Error> {
        Ok(endpoint)
    }
}

#[cfg(feature = "tls")]
fn missing(name: &str, value: &str, this: &str, other: &str) -> ConfigError {
    let other = format!("{}{other}", name.strip_suffix(this).unwrap_or("OTEL_EXPORTER_OTLP_"));
    ConfigError::missing(other, format_args!("{name}={value}"))
}

/// Reads the file that a variable names. The file must hold at least one block of that `kind`.
#[cfg(feature = "tls")]
fn pem((name, path): &(String, String), kind: &str) -> Result<Vec<u8>, ConfigError> {
    let wrong = |why: String| ConfigError::new(name, "the path of a PEM file", path).advice(why);
    let text = std::fs::read(path).map_err(|error| wrong(format!("failed to read it: {error}")))?;
    // The first line of a key names its kind: "BEGIN EC PRIVATE KEY".
    let begins = |line: &[u8]| {
        line.starts_with(b"-----BEGIN ") && line.trim_ascii_end().ends_with(format!("{kind}-----").as_bytes())
    };
    if text.split(|byte| *byte == b'\n').any(begins) {
        Ok(text)
    } else {
        Err(wrong(format!("the file has no line \"-----BEGIN {kind}-----\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Tls, ConfigError> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Tls::read(Variables::new(&lookup), Signal::Traces)
    }

    #[cfg(feature = "tls")]
    #[test]
    fn invalid_file_or_incomplete_identity_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let certificate = file("certificate", "hello\n-----BEGIN CERTIFICATE-----\r\n");
        let key = file("key", "-----BEGIN EC PRIVATE KEY-----\n");
        let (name, own) = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY");
        for (variables, expected) in [
            (
                vec![(name, "/nowhere.pem")],
                "OTEL_EXPORTER_OTLP_CERTIFICATE must be the path of a PEM file, got \"/nowhere.pem\"",
            ),
            (vec![(name, &key)], "no line \\\"-----BEGIN CERTIFICATE-----\\\""),
            (vec![(own, &key)], "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE must be set"),
            (
                vec![("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &certificate)],
                "OTEL_EXPORTER_OTLP_CLIENT_KEY must be set",
            ),
        ] {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
            let error = read(&variables).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&expected.replace("\\\"", "\"")), "{text}");
        }
        let both = [("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate.as_str()), (own, key.as_str())];
        let tls = read(&both).unwrap();
        assert!(tls.identity.is_some() && tls.authority.is_none());
        let shown = format!("{tls:?}");
        assert!(shown.contains(own) && !shown.contains("BEGIN"), "{shown}");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_variable_names_the_cargo_feature_when_tls_is_off() {
        for name in ["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"] {
            let error = read(&[(name, "ca.pem")]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("{name} must be unset")) && text.contains("cargo feature `tls`"), "{text}");
        }
    }
}
