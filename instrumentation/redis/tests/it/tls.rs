//! Connections with TLS.

use std::net::TcpListener;
use std::process::Command;

use cachescope_core::shared::{ByteStore, Invalidation, StoreErrorKind};
use cachescope_redis::Redis;
use cachescope_redis::redis::{Client, IntoConnectionInfo, TlsCertificates};

use crate::server::{cli, key, scope, start};

#[tokio::test]
async fn store_connects_through_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, secret) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&secret)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap_or_else(|error| panic!("cannot run openssl, which this test needs: {error}"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (certificate_path, secret) = (certificate.to_str().unwrap(), secret.to_str().unwrap());
    let server = start();
    let settings = ["tls-cert-file", certificate_path, "tls-key-file", secret, "tls-auth-clients", "no"];
    cli(&server, &[&["CONFIG", "SET"][..], &settings, &["tls-port", &free_port()]].concat());
    let tls_port = cli(&server, &["CONFIG", "GET", "tls-port"]);
    let url = format!("rediss://localhost:{}/", tls_port.lines().nth(1).unwrap());

    // The certificate isn't trusted yet.
    let error = Redis::connect(url.as_str()).await.unwrap_err();
    assert_ne!(error.kind(), StoreErrorKind::Refused, "{error:?}");

    let trusted = TlsCertificates { client_tls: None, root_cert: Some(std::fs::read(certificate).unwrap()) };
    let client = Client::build_with_tls(url.into_connection_info().unwrap(), trusted).unwrap();
    let redis = Redis::connect(client.get_connection_info().clone()).await.unwrap();
    assert!(redis.put(&key(1), b"x", None, None).await.unwrap());
    assert_eq!(redis.get(&key(1)).await.unwrap().as_deref(), Some(&b"x"[..]));
    let mut stream = redis.listen(&scope()).await.unwrap().unwrap();
    redis.announce(&scope(), &Invalidation::All).await.unwrap();
    assert_eq!(stream.next().await.unwrap(), Invalidation::All);
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}
