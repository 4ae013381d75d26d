//! An HTTP server that keeps the requests it receives, in place of a collector.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves each connection to a free port of 127.0.0.1 in a thread of its own, until the process ends.
///
/// # Errors
/// If no port can be had.
pub fn each_connection(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    /// The first line, `POST /v1/traces HTTP/1.1`.
    pub line: String,
    /// Headers, with their names in lower case.
    pub headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Received {
    /// Reads the next request of a connection; none if the client hung up.
    ///
    /// # Errors
    /// If the connection fails, or the request isn't HTTP/1.1 with a length.
    pub fn read(stream: &TcpStream) -> anyhow::Result<Option<Self>> {
        // A reader of its own for each request loses nothing: the client waits for the answer.
        let mut reader = BufReader::new(stream);
        let (mut line, mut headers) = (String::new(), BTreeMap::new());
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length: usize = headers.get("content-length").map_or(Ok(0), |length| length.parse())?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Some(Self { line: line.trim_end().to_owned(), headers, body }))
    }

    /// The path of the request.
    #[must_use]
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// The spans of a request in protobuf.
    ///
    /// # Errors
    /// If the body is something else.
    pub fn spans(&self) -> anyhow::Result<Vec<Span>> {
        let resources = self.traces()?.resource_spans.into_iter();
        Ok(resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect())
    }

    /// The metrics of a request in protobuf.
    ///
    /// # Errors
    /// If the body is something else.
    pub fn metrics(&self) -> anyhow::Result<ExportMetricsServiceRequest> {
        ExportMetricsServiceRequest::decode(&self.plain()?[..]).context("metrics in protobuf")
    }

    /// The attributes of the resource of spans, as text.
    ///
    /// # Errors
    /// If the body has no spans in protobuf, or no resource.
    pub fn resource(&self) -> anyhow::Result<BTreeMap<String, String>> {
        use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
        let resource = self.traces()?.resource_spans.into_iter().next().and_then(|spans| spans.resource);
        let attributes = resource.context("no resource")?.attributes.into_iter();
        let text = |value| if let StringValue(text) = value { text } else { format!("{value:?}") };
        Ok(attributes.filter_map(|pair| Some((pair.key, text(pair.value?.value?)))).collect())
    }

    /// The body as text, for JSON.
    ///
    /// # Errors
    /// If it isn't text.
    pub fn text(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.plain()?)?)
    }

    fn traces(&self) -> anyhow::Result<ExportTraceServiceRequest> {
        ExportTraceServiceRequest::decode(&self.plain()?[..]).context("spans in protobuf")
    }

    fn plain(&self) -> anyhow::Result<Vec<u8>> {
        if !self.headers.contains_key("content-encoding") {
            return Ok(self.body.clone());
        }
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut plain)?;
        Ok(plain)
    }
}

/// Answers each request with success and keeps it. Runs until the process ends.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its address, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start() -> anyhow::Result<Self> {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let keep = Arc::clone(&received);
        let address = each_connection(move |stream| {
            while let Ok(Some(request)) = Received::read(&stream) {
                keep.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                if (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { endpoint: format!("http://{address}"), received })
    }

    /// Every request so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests so far at this path.
    #[must_use]
    pub fn at(&self, path: &str) -> Vec<Received> {
        self.received().into_iter().filter(|request| request.path() == path).collect()
    }

    /// Waits until `requests` requests have come at this path.
    ///
    /// # Errors
    /// If they don't come within half a minute.
    pub fn wait_for(&self, path: &str, requests: usize) -> anyhow::Result<Vec<Received>> {
        let begun = Instant::now();
        loop {
            let received = self.at(path);
            if received.len() >= requests {
                return Ok(received);
            }
            if begun.elapsed() > PATIENCE {
                bail!("{} of {requests} requests at {path} after {PATIENCE:?}", received.len());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
