use std::net::SocketAddr;

use cachescope_zpages::{DEFAULT_ADDRESS, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::used;

/// What is answered to a request that names this host, until the connection is closed.
async fn told(address: SocketAddr, path: &str, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[test]
fn it_is_on_loopback_unless_told_otherwise() {
    assert!(DEFAULT_ADDRESS.ip().is_loopback());
}

#[tokio::test]
async fn port_0_answers_and_stops_when_dropped() {
    let _cache = used("server.table").await;
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let address = server.address();
    let table = told(address, "/", &address.to_string()).await.unwrap();
    assert!(table.starts_with("HTTP/1.1 200 OK\r\n") && table.contains("server.table"), "{table}");

    // A stream that would never end ends with it.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert_ne!(stream.read_u8().await.unwrap(), 0);
    drop(server);
    let _ = stream.read_to_end(&mut Vec::new()).await;
    while told(address, "/", "localhost").await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_site_that_names_itself_127_0_0_1_gets_nothing() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    for (host, expected) in
        [("localhost:1", "200"), ("[::1]", "200"), ("evil.example", "421"), ("localhost.evil.example", "421")]
    {
        let answer = told(server.address(), "/caches.json", host).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(expected), "{host}: {answer}");
    }
}

#[test]
fn a_server_on_its_own_thread_needs_no_runtime() {
    let server = Server::on_thread(([127, 0, 0, 1], 0).into()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(told(server.address(), "/caches.json", "localhost")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Server::bind(address).await.unwrap_err();
    assert!(error.is_bind());
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("bind another"), "{text}");
}
