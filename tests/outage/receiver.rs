//! Collectors that behave as they are told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::Context;
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::trace::v1 as trace;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::manner::Manner;

/// Longer than any run.
const WAIT: Duration = Duration::from_secs(60);

/// Receives until it is dropped, or until the tests end.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    _runtime: Option<Runtime>,
}

impl Collector {
    pub(crate) fn start(protocol: &str, manner: Manner) -> anyhow::Result<Self> {
        let (address, runtime) = match (manner, protocol) {
            // Bound and dropped: a port where nobody listens.
            (Manner::Absent, _) => (TcpListener::bind("127.0.0.1:0")?.local_addr()?, None),
            (Manner::Hanging, _) => (hang()?, None),
            (_, "grpc") => {
                let (address, runtime) = grpc(manner)?;
                (address, Some(runtime))
            }
            _ => (http(manner)?, None),
        };
        Ok(Self { endpoint: format!("http://{address}"), _runtime: runtime })
    }
}

fn each_connection(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> anyhow::Result<SocketAddr> {
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

fn hang() -> anyhow::Result<SocketAddr> {
    // Reads for ever and says nothing.
    each_connection(|stream| drop(std::io::copy(&mut stream.take(u64::MAX), &mut std::io::sink())))
}

fn http(manner: Manner) -> anyhow::Result<SocketAddr> {
    let head = match manner {
        Manner::Refusing => "400 Bad Request",
        Manner::Busy => "503 Service Unavailable",
        Manner::Exhausted => "429 Too Many Requests\r\nretry-after: 60",
        _ => "200 OK",
    };
    each_connection(move |stream| {
        // Until the client hangs up.
        while let Some(()) = request(&stream).ok().flatten() {
            if let Manner::Slow(pause) = manner {
                std::thread::sleep(pause);
            }
            if write!(&stream, "HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").is_err() {
                return;
            }
        }
    })
}

/// Reads one, and forgets it. A reader of its own each time loses nothing: the client waits for the answer.
fn request(stream: &TcpStream) -> anyhow::Result<Option<()>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().context("content-length")?;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(Some(()))
}

#[derive(Clone, Copy)]
struct Service(Manner);

impl Service {
    async fn answer<T: Default>(self) -> Result<Response<T>, Status> {
        match self.0 {
            Manner::Refusing => return Err(Status::invalid_argument("no")),
            Manner::Busy => return Err(Status::unavailable("later")),
            Manner::Exhausted => {
                let details = ErrorDetails::with_retry_info(Some(WAIT));
                return Err(Status::with_error_details(Code::ResourceExhausted, "later", details));
            }
            Manner::Slow(pause) => tokio::time::sleep(pause).await,
            Manner::Healthy | Manner::Absent | Manner::Hanging => {}
        }
        Ok(Response::new(T::default()))
    }
}

#[tonic::async_trait]
impl trace::trace_service_server::TraceService for Service {
    async fn export(
        &self,
        _: Request<trace::ExportTraceServiceRequest>,
    ) -> Result<Response<trace::ExportTraceServiceResponse>, Status> {
        self.answer().await
    }
}

#[tonic::async_trait]
impl metrics::metrics_service_server::MetricsService for Service {
    async fn export(
        &self,
        _: Request<metrics::ExportMetricsServiceRequest>,
    ) -> Result<Response<metrics::ExportMetricsServiceResponse>, Status> {
        self.answer().await
    }
}

fn grpc(manner: Manner) -> anyhow::Result<(SocketAddr, Runtime)> {
    let runtime = Runtime::new()?;
    let address = runtime.block_on(async {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?).map_err(|error| anyhow::anyhow!("{error}"))?;
        let address = incoming.local_addr()?;
        let router = Server::builder()
            .add_service(trace::trace_service_server::TraceServiceServer::new(Service(manner)))
            .add_service(metrics::metrics_service_server::MetricsServiceServer::new(Service(manner)));
        tokio::spawn(router.serve_with_incoming(incoming));
        anyhow::Ok(address)
    })?;
    Ok((address, runtime))
}
