//! Certificates of the collector and of the client.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use cachescope_exporter::testing::captured_logs;
use cachescope_otlp::Otlp;
use futures_executor::block_on;
use opentelemetry_sdk::trace::SpanExporter;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tonic::transport::ServerTlsConfig;
use tracing::Level;

use crate::grpc_collector::GrpcCollector;
use crate::http_collector::read;
use crate::telemetry::spans;

/// A certificate authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn sign(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// Starts a collector that requires client certificates. It answers every request with success.
fn collector(authority: &Authority, protocol: &str) -> (std::net::SocketAddr, Option<GrpcCollector>) {
    let (certificate, key) = authority.sign("localhost");
    let anywhere = "127.0.0.1:0";
    if protocol == "grpc" {
        let tls = ServerTlsConfig::new()
            .identity(tonic::transport::Identity::from_pem(certificate.pem(), key.serialize_pem()))
            .client_ca_root(tonic::transport::Certificate::from_pem(authority.certificate.pem()));
        let collector = GrpcCollector::start(anywhere.parse().unwrap(), 0, Some(tls), |_| Ok(()));
        return (collector.addr, Some(collector));
    }
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(anywhere).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(session, connection);
            // A client without a valid certificate gets a TLS alert, and hangs up.
            if read(&mut stream).is_some() {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .and_then(|()| stream.flush())
                    .ok();
                stream.conn.send_close_notify();
                stream.flush().ok();
            }
        }
    });
    (addr, None)
}

#[test]
fn own_authority_is_trusted_and_client_certificate_is_sent() {
    captured_logs::install();
    // Tonic's server requires a default provider when several are compiled in. The exporters' clients don't.
    tokio_rustls::rustls::crypto::ring::default_provider().install_default().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ours, other) = (Authority::new(), Authority::new());
    let (certificate, key) = ours.sign("client");
    let authority = write("authority.pem", ours.certificate.pem());
    let stranger = write("stranger.pem", other.certificate.pem());
    let (certificate, key) = (write("client.pem", certificate.pem()), write("client.key", key.serialize_pem()));
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        let (addr, _running) = collector(&ours, protocol);
        let export = |trusted: Option<&str>, identity: bool| {
            let otlp = Otlp::from_lookup(&|name| match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("https://localhost:{}", addr.port())),
                "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
                "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("2000".to_owned()),
                "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE" => trusted.map(str::to_owned),
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" => identity.then(|| certificate.clone()),
                "OTEL_EXPORTER_OTLP_CLIENT_KEY" => identity.then(|| key.clone()),
                _ => None,
            })
            .unwrap();
            let exporter = otlp.span_exporter().unwrap();
            // During a shutdown, failures aren't retried.
            otlp.delivery().begin_shutdown();
            block_on(exporter.export(spans(1)))
        };
        export(Some(&authority), true).unwrap();
        assert!(export(Some(&authority), false).is_err(), "{protocol}: the collector requires a client certificate");
        assert!(export(Some(&stranger), true).is_err(), "{protocol}: the authority of the collector isn't trusted");
        assert!(export(None, true).is_err(), "{protocol}: the system doesn't trust this authority");
    }
}

#[test]
fn certificates_without_effect_are_logged_for_an_endpoint_without_tls() {
    captured_logs::install();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.pem");
    std::fs::write(&path, Authority::new().certificate.pem()).unwrap();
    let (traces, metrics) = ("http://no-tls.example:1/", "https://with-tls.example:2/");
    let otlp = |name: &'static str| {
        Otlp::from_lookup(&|asked| match asked {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some(traces.to_owned()),
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" => Some(metrics.to_owned()),
            _ => (asked == name).then(|| path.to_str().unwrap().to_owned()),
        })
        .unwrap()
    };
    otlp("OTEL_EXPORTER_OTLP_CERTIFICATE");
    assert!(captured_logs::levels("no-tls.example").is_empty(), "the certificate is used for metrics");
    otlp("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE");
    assert_eq!(captured_logs::levels("no-tls.example"), [Level::WARN]);
    assert!(captured_logs::texts("no-tls.example")[0].contains("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"));
}
