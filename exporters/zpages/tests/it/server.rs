use std::net::SocketAddr;

use cachescope_zpages::{DEFAULT_ADDRESS, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::used_cache;

/// Sends a request with this `Host`, and returns everything received until the connection is closed.
async fn get(address: SocketAddr, path: &str, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[test]
fn default_address_is_loopback() {
    assert!(DEFAULT_ADDRESS.ip().is_loopback());
}

#[tokio::test]
async fn server_on_port_0_answers_until_it_is_dropped() {
    let _cache = used_cache("server.table").await;
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let address = server.address();
    let table = get(address, "/", &address.to_string()).await.unwrap();
    assert!(table.starts_with("HTTP/1.1 200 OK\r\n") && table.contains("server.table"), "{table}");

    // A stream of events ends with the server.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert_ne!(stream.read_u8().await.unwrap(), 0);
    drop(server);
    let _ = stream.read_to_end(&mut Vec::new()).await;
    while get(address, "/", "localhost").await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_for_foreign_host_names_are_refused() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    for (host, expected) in
        [("localhost:1", "200"), ("[::1]", "200"), ("evil.example", "421"), ("localhost.evil.example", "421")]
    {
        let answer = get(server.address(), "/caches.json", host).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(expected), "{host}: {answer}");
    }
}

#[test]
fn server_on_a_thread_needs_no_runtime() {
    let server = Server::on_thread(([127, 0, 0, 1], 0).into()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(get(server.address(), "/caches.json", "localhost")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn taken_port_error_names_the_address_and_a_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Server::bind(address).await.unwrap_err();
    assert!(error.is_bind());
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("bind another"), "{text}");
}
