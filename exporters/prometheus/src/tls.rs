//! TLS of the server.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::Error;

/// A server certificate and its private key, read once. TLS 1.2 or 1.3, by rustls.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads PEM files: the certificate chain, and the private key of its first certificate.
    ///
    /// # Errors
    ///
    /// [`Error::is_file`] if a file can't be read, [`Error::is_tls`] if the files aren't a certificate and its key.
    ///
    /// ```no_run
    /// use cachescope_prometheus::{DEFAULT_ADDR, Endpoint, Tls};
    ///
    /// let endpoint = Endpoint::new(DEFAULT_ADDR).tls(Tls::from_files("server.pem", "server.key")?);
    /// # let _ = endpoint;
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn from_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        let read = |path: &Path| std::fs::read(path).map_err(|cause| Error::file(path, cause));
        Self::from_pem(&read(certificates.as_ref())?, &read(key.as_ref())?)
    }

    /// Parses PEM in memory: the certificate chain, and the private key of its first certificate.
    ///
    /// # Errors
    ///
    /// [`Error::is_tls`] if the arguments aren't a certificate and its key.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|_| Error::tls("the certificates must be PEM"))?;
        if chain.is_empty() {
            return Err(Error::tls("the certificates contain no certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Error::tls("the key must be a private key in PEM"))?;
        // The process's default provider isn't used: it may be unset, or chosen by another library.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|cause| Error::tls(cause.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_requires_a_certificate_and_its_key() {
        let signed = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (one, other) = (signed(), signed());
        let (certificate, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        let tls = Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(format!("{tls:?}"), "Tls");
        for (certificate, key) in [
            ("", key.as_str()),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", &key),
            (&certificate, ""),
            (&certificate, &other.signing_key.serialize_pem()),
        ] {
            assert!(Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err().is_tls());
        }
        let error = Tls::from_files("no/such/certificate", "no/such/key").unwrap_err();
        assert!(error.is_file() && error.to_string().contains("no/such/certificate"), "{error}");
    }
}
