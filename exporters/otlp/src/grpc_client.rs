//! One attempt over gRPC.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::Request;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};

use crate::Error;
use crate::codec::Raw;
use crate::failure::{Failure, innermost};
use crate::settings::{Settings, Signal};

/// The gRPC client of one exporter, driven by our runtime.
#[derive(Debug)]
pub(crate) struct GrpcClient {
    endpoint: Endpoint,
    channel: Mutex<Channel>,
    path: PathAndQuery,
    metadata: MetadataMap,
    gzip: bool,
}

impl GrpcClient {
    /// Inside of the driver's runtime.
    pub(crate) fn new(settings: &Settings, signal: Signal, connect: Duration) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(settings.endpoint.url.clone())
            .and_then(|endpoint| endpoint.user_agent(crate::USER_AGENT))
            .map_err(|error| Error::build(&innermost(&error)))?
            .connect_timeout(connect);
        let endpoint = settings.tls.grpc(endpoint, settings.endpoint.is_secure())?;
        let channel = Mutex::new(endpoint.connect_lazy());
        let path = PathAndQuery::from_static(match signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        });
        let metadata = MetadataMap::from_headers(settings.headers.clone());
        Ok(Self { endpoint, channel, path, metadata, gzip: settings.gzip })
    }

    /// The message that answers a request that was taken.
    pub(crate) async fn attempt(&self, message: Bytes) -> Result<Bytes, Failure> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut client = Grpc::new(channel);
        if self.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip);
        }
        client.ready().await.map_err(|error| Failure::transport(&error))?;
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        let answer = client.unary(request, self.path.clone(), Raw).await;
        answer.map(tonic::Response::into_inner).map_err(|status| Failure::grpc(&status))
    }

    /// Forgets a connection on which no answer came: it may lead nowhere, and nothing but a quarter of an hour of the
    /// system's own patience would end it. Inside of the driver's runtime.
    pub(crate) fn reset(&self) {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = self.endpoint.connect_lazy();
    }
}
