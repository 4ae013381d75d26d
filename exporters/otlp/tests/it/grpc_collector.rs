//! A collector over gRPC that answers as a test sets it up.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::runtime::Runtime;
use tonic::metadata::MetadataMap;
use tonic::transport::{Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

type Answer = Box<dyn Fn(usize) -> Result<(), Status> + Send + Sync>;

#[derive(Clone)]
struct Service {
    answer: Arc<Answer>,
    requests: Arc<AtomicUsize>,
    metadata: Arc<Mutex<Vec<MetadataMap>>>,
    rejected_spans: i64,
}

impl Service {
    fn answer(&self, metadata: &MetadataMap) -> Result<(), Status> {
        self.metadata.lock().unwrap().push(metadata.clone());
        (self.answer)(self.requests.fetch_add(1, Ordering::SeqCst))
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.answer(request.metadata())?;
        let partial = ExportTracePartialSuccess { rejected_spans: self.rejected_spans, error_message: "old".into() };
        let partial_success = (self.rejected_spans > 0).then_some(partial);
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.answer(request.metadata())?;
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// Stops when dropped.
pub(crate) struct GrpcCollector {
    pub(crate) addr: SocketAddr,
    service: Service,
    _runtime: Runtime,
}

impl GrpcCollector {
    /// Calls `answer` with the number of requests before each one.
    pub(crate) fn start(
        addr: SocketAddr,
        rejected_spans: i64,
        tls: Option<ServerTlsConfig>,
        answer: impl Fn(usize) -> Result<(), Status> + Send + Sync + 'static,
    ) -> Self {
        let service = Service {
            answer: Arc::new(Box::new(answer)),
            requests: Arc::default(),
            metadata: Arc::default(),
            rejected_spans,
        };
        let runtime = Runtime::new().unwrap();
        let gzip = tonic::codec::CompressionEncoding::Gzip;
        let addr = runtime.block_on(async {
            let incoming = tonic::transport::server::TcpIncoming::bind(addr).unwrap();
            let addr = incoming.local_addr().unwrap();
            let mut server = Server::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).unwrap();
            }
            let router = server
                .add_service(TraceServiceServer::new(service.clone()).accept_compressed(gzip))
                .add_service(MetricsServiceServer::new(service.clone()).accept_compressed(gzip));
            tokio::spawn(router.serve_with_incoming(incoming));
            addr
        });
        Self { addr, service, _runtime: runtime }
    }

    pub(crate) fn requests(&self) -> usize {
        self.service.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn metadata(&self) -> Vec<MetadataMap> {
        self.service.metadata.lock().unwrap().clone()
    }
}
