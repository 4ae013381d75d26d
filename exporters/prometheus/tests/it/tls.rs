use std::sync::Arc;

use cachescope_prometheus::{BasicAuth, Endpoint, Tls};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::text::provider;

#[tokio::test]
async fn scrape_over_tls_requires_the_password() {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::from_pem(signed.cert.pem().as_bytes(), signed.signing_key.serialize_pem().as_bytes()).unwrap();
    let (_provider, metrics) = provider();
    let auth = BasicAuth::new("Aladdin", "open sesame").unwrap();
    let endpoint = Endpoint::new(([127, 0, 0, 1], 0).into()).tls(tls).basic_auth(auth);
    let server = metrics.serve(endpoint).await.unwrap();

    let mut roots = RootCertStore::empty();
    roots.add(signed.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    for (header, status) in [("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", "200"), ("", "401")] {
        let stream = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
        let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        stream.write_all(format!("GET /metrics HTTP/1.1\r\nHost: a\r\n{header}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(answer.contains("target_info"), status == "200", "{answer}");
    }

    // A scrape without TLS gets no response.
    let mut stream = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"), "{answer:?}");
}
