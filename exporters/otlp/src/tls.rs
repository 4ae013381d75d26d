//! Whom to trust, and who we are, over TLS.

use std::fmt;

use crate::Error;
use crate::settings::{Lookup, Signal, variable};

const AUTHORITY: &str = "CERTIFICATE";
const CERTIFICATE: &str = "CLIENT_CERTIFICATE";
const KEY: &str = "CLIENT_KEY";

/// The files that a signal's variables name, read once when the exporters are set up.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Trusted in place of the system's roots.
    #[cfg(feature = "tls")]
    authority: Option<Vec<u8>>,
    /// Certificate and key, shown to a destination that asks.
    #[cfg(feature = "tls")]
    identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The variables that were set.
    names: Vec<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.names).finish()
    }
}

impl Tls {
    #[cfg(feature = "tls")]
    pub(crate) fn read(lookup: Lookup<'_>, signal: Signal) -> Result<Self, Error> {
        let [authority, certificate, key] = [AUTHORITY, CERTIFICATE, KEY].map(|what| variable(lookup, signal, what));
        let set = [&authority, &certificate, &key].into_iter().flatten();
        let names = set.map(|(name, _)| name.clone()).collect();
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((pem(&certificate, "CERTIFICATE")?, pem(&key, "PRIVATE KEY")?)),
            (None, None) => None,
            (Some((name, value)), None) => return Err(half(&name, &value, CERTIFICATE, KEY)),
            (None, Some((name, value))) => return Err(half(&name, &value, KEY, CERTIFICATE)),
        };
        let authority = authority.map(|authority| pem(&authority, "CERTIFICATE")).transpose()?;
        Ok(Self { authority, identity, names })
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn read(lookup: Lookup<'_>, signal: Signal) -> Result<Self, Error> {
        match [AUTHORITY, CERTIFICATE, KEY].into_iter().find_map(|what| variable(lookup, signal, what)) {
            None => Ok(Self::default()),
            Some((name, value)) => Err(Error::variable(
                &name,
                &value,
                "to be unset, for this build has no TLS: turn on the cargo feature `tls` of cachescope (or of \
                 cachescope-otlp)",
            )),
        }
    }

    /// The variables that were set.
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
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as it is with TLS")]
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
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as it is with TLS")]
    pub(crate) fn grpc(
        &self,
        endpoint: tonic::transport::Endpoint,
        _secure: bool,
    ) -> Result<tonic::transport::Endpoint, Error> {
        Ok(endpoint)
    }
}

#[cfg(feature = "tls")]
fn half(name: &str, value: &str, this: &str, other: &str) -> Error {
    let other = format!("{}{other}", name.strip_suffix(this).unwrap_or("OTEL_EXPORTER_OTLP_"));
    Error::variable(name, value, format!("{other} to be set as well: the two are one identity"))
}

/// Reads the file that a variable names, which must hold at least one block of that `kind`.
#[cfg(feature = "tls")]
fn pem((name, path): &(String, String), kind: &str) -> Result<Vec<u8>, Error> {
    let accepted = |why: &dyn fmt::Display| Error::variable(name, path, format!("the path of a PEM file: {why}"));
    let text = std::fs::read(path).map_err(|error| accepted(&error))?;
    // Keys say of which kind they are: "BEGIN EC PRIVATE KEY".
    let begins = |line: &[u8]| {
        line.starts_with(b"-----BEGIN ") && line.trim_ascii_end().ends_with(format!("{kind}-----").as_bytes())
    };
    if text.split(|byte| *byte == b'\n').any(begins) {
        Ok(text)
    } else {
        Err(accepted(&format!("this one has no line \"-----BEGIN {kind}-----\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Tls, Error> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Tls::read(&lookup, Signal::Traces)
    }

    #[cfg(feature = "tls")]
    #[test]
    fn what_is_wrong_with_a_file_or_half_an_identity_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let certificate = file("certificate", "hello\n-----BEGIN CERTIFICATE-----\r\n");
        let key = file("key", "-----BEGIN EC PRIVATE KEY-----\n");
        let (name, own) = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY");
        for (variables, says) in [
            (
                vec![(name, "/nowhere.pem")],
                "OTEL_EXPORTER_OTLP_CERTIFICATE is \"/nowhere.pem\": expected the path of a",
            ),
            (vec![(name, &key)], "no line \\\"-----BEGIN CERTIFICATE-----\\\""),
            (vec![(own, &key)], "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE to be set as well"),
            (vec![("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &certificate)], "OTEL_EXPORTER_OTLP_CLIENT_KEY to be set"),
        ] {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
            let error = read(&variables).unwrap_err();
            let text = error.to_string();
            assert!(error.is_variable() && text.contains(&says.replace("\\\"", "\"")), "{text}");
        }
        let both = [("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate.as_str()), (own, key.as_str())];
        let tls = read(&both).unwrap();
        assert!(tls.identity.is_some() && tls.authority.is_none());
        let shown = format!("{tls:?}");
        assert!(shown.contains(own) && !shown.contains("BEGIN"), "{shown}");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_its_variables_name_the_feature() {
        for name in ["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"] {
            let error = read(&[(name, "ca.pem")]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("{name} is \"ca.pem\"")) && text.contains("cargo feature `tls`"), "{text}");
        }
    }
}
