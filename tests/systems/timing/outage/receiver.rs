//! Collectors with a given behaviour.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use cachescope_tests::receiver::{Received, each_connection};
use opentelemetry_proto::tonic::collector::metrics::v1 as metrics;
use opentelemetry_proto::tonic::collector::trace::v1 as trace;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::behaviour::Behaviour;

/// Longer than any run.
const WAIT: Duration = Duration::from_secs(60);

/// Receives until it is dropped, or until the tests end.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    _runtime: Option<Runtime>,
}

impl Collector {
    pub(crate) fn start(protocol: &str, behaviour: Behaviour) -> anyhow::Result<Self> {
        let (address, runtime) = match (behaviour, protocol) {
            // A port that was bound and dropped, so that no program listens.
            (Behaviour::Absent, _) => (TcpListener::bind("127.0.0.1:0")?.local_addr()?, None),
            (Behaviour::Hanging, _) => (hang()?, None),
            (_, "grpc") => {
                let (address, runtime) = grpc(behaviour)?;
                (address, Some(runtime))
            }
            _ => (http(behaviour)?, None),
        };
        Ok(Self { endpoint: format!("http://{address}"), _runtime: runtime })
    }
}

fn hang() -> anyhow::Result<SocketAddr> {
    // Reads for ever and writes nothing.
    each_connection(|stream| drop(std::io::copy(&mut stream.take(u64::MAX), &mut std::io::sink())))
}

fn http(behaviour: Behaviour) -> anyhow::Result<SocketAddr> {
    let head = match behaviour {
        Behaviour::Refusing => "400 Bad Request",
        Behaviour::Busy => "503 Service Unavailable",
        Behaviour::Exhausted => "429 Too Many Requests\r\nretry-after: 60",
        _ => "200 OK",
    };
    each_connection(move |stream| {
        // Until the client hangs up.
        while let Ok(Some(_)) = Received::read(&stream) {
            if let Behaviour::Slow(pause) = behaviour {
                std::thread::sleep(pause);
            }
            if write!(&stream, "HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").is_err() {
                return;
            }
        }
    })
}

#[derive(Clone, Copy)]
struct Service(Behaviour);

impl Service {
    async fn answer<T: Default>(self) -> Result<Response<T>, Status> {
        match self.0 {
            Behaviour::Refusing => return Err(Status::invalid_argument("no")),
            Behaviour::Busy => return Err(Status::unavailable("later")),
            Behaviour::Exhausted => {
                let details = ErrorDetails::with_retry_info(Some(WAIT));
                return Err(Status::with_error_details(Code::ResourceExhausted, "later", details));
            }
            Behaviour::Slow(pause) => tokio::time::sleep(pause).await,
            Behaviour::Healthy | Behaviour::Absent | Behaviour::Hanging => {}
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

fn grpc(behaviour: Behaviour) -> anyhow::Result<(SocketAddr, Runtime)> {
    let runtime = Runtime::new()?;
    let address = runtime.block_on(async {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?).map_err(|error| anyhow::anyhow!("{error}"))?;
        let address = incoming.local_addr()?;
        let router = Server::builder()
            .add_service(trace::trace_service_server::TraceServiceServer::new(Service(behaviour)))
            .add_service(metrics::metrics_service_server::MetricsServiceServer::new(Service(behaviour)));
        tokio::spawn(router.serve_with_incoming(incoming));
        anyhow::Ok(address)
    })?;
    Ok((address, runtime))
}
