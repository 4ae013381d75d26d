//! A collector over HTTP that keeps what it is sent, to be looked at.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Received {
    pub(crate) fn traces(&self) -> anyhow::Result<ExportTraceServiceRequest> {
        ExportTraceServiceRequest::decode(&self.plain()?[..]).context("spans in protobuf")
    }

    pub(crate) fn metrics(&self) -> anyhow::Result<ExportMetricsServiceRequest> {
        ExportMetricsServiceRequest::decode(&self.plain()?[..]).context("metrics in protobuf")
    }

    pub(crate) fn spans(&self) -> anyhow::Result<Vec<Span>> {
        let resources = self.traces()?.resource_spans.into_iter();
        Ok(resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect())
    }

    /// The resource's attributes, as text.
    pub(crate) fn resource(&self) -> anyhow::Result<BTreeMap<String, String>> {
        use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
        let resource = self.traces()?.resource_spans.into_iter().next().and_then(|spans| spans.resource);
        let attributes = resource.context("no resource")?.attributes.into_iter();
        let text = |value| if let StringValue(text) = value { text } else { format!("{value:?}") };
        Ok(attributes.filter_map(|pair| Some((pair.key, text(pair.value?.value?)))).collect())
    }

    fn plain(&self) -> anyhow::Result<Vec<u8>> {
        if !self.headers.contains_key("content-encoding") {
            return Ok(self.body.clone());
        }
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut plain)?;
        Ok(plain)
    }

    /// As it is, for JSON.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.plain()?)?)
    }
}

/// Receives until the tests end.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) endpoint: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Answers whatever it is sent with success.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let receiver = Self { endpoint, received: Arc::default() };
        let receiving = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let receiving = receiving.clone();
                std::thread::spawn(move || receiving.serve(&stream));
            }
        });
        Ok(receiver)
    }

    /// Until the client hangs up.
    fn serve(&self, mut stream: &TcpStream) {
        while let Ok(request) = read(stream) {
            self.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                return;
            }
        }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What came at this path.
    pub(crate) fn at(&self, path: &str) -> Vec<Received> {
        self.received().into_iter().filter(|request| request.path == path).collect()
    }

    /// Waits until so many requests have come at this path.
    pub(crate) fn wait_for(&self, path: &str, requests: usize) -> anyhow::Result<Vec<Received>> {
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

fn read(stream: &TcpStream) -> anyhow::Result<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).context("no request")?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length").map_or(Ok(0), |length| length.parse())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Received { path, headers, body })
}
