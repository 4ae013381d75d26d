//! A collector over HTTP that answers as a test sets it up.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Returns the address of a port that nothing listens on: taken from the system, then released.
pub(crate) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Answers every HTTP request with the next of its answers, and then always with the last one. Stops when dropped.
pub(crate) struct HttpCollector {
    pub(crate) addr: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HttpCollector {
    /// Each answer is a status with headers, such as `503 Busy\r\nretry-after: 1`. An empty one hangs up.
    pub(crate) fn start(addr: SocketAddr, answers: &'static [&'static str]) -> Self {
        Self::with_body(addr, answers, b"")
    }

    pub(crate) fn anywhere(answers: &'static [&'static str]) -> Self {
        Self::start("127.0.0.1:0".parse().unwrap(), answers)
    }

    pub(crate) fn with_body(addr: SocketAddr, answers: &'static [&'static str], body: &'static [u8]) -> Self {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        let (received, stop) = (Arc::<Mutex<Vec<Received>>>::default(), Arc::new(AtomicBool::new(false)));
        let (receiving, stopped) = (Arc::clone(&received), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut answers = answers.iter().copied().peekable();
            for connection in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let mut connection = connection.unwrap();
                let Some(request) = read(&mut connection) else { continue };
                lock(&receiving).push(request);
                let answer = answers.peek().copied().unwrap_or_default();
                if answers.len() > 1 {
                    answers.next();
                }
                if !answer.is_empty() {
                    let length = body.len();
                    write!(connection, "HTTP/1.1 {answer}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
                        .and_then(|()| connection.write_all(body))
                        // The client may have stopped waiting.
                        .ok();
                }
            }
        });
        Self { addr, received, stop, thread: Some(thread) }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }
}

impl Drop for HttpCollector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads one request. Returns `None` if the client hangs up before its end.
pub(crate) fn read(connection: &mut impl Read) -> Option<Received> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let head = seen.windows(4).position(|four: &[u8]| four == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&seen[..head]).into_owned();
            let mut lines = text.lines();
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: BTreeMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            if seen.len() >= head + 4 + length {
                return Some(Received { path, headers, body: seen[head + 4..].to_vec() });
            }
        }
        match connection.read(&mut buffer) {
            Ok(n @ 1..) => seen.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
}
