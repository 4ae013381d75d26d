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
use crate::failure::{Failure, innermost};
use crate::raw_codec::RawCodec;
use crate::settings::Settings;
use crate::signal::Signal;

/// The gRPC client of one exporter, driven by the background runtime.
#[derive(Debug)]
pub(crate) struct GrpcClient {
    endpoint: Endpoint,
    channel: Mutex<Channel>,
    path: PathAndQuery,
    metadata: MetadataMap,
    gzip: bool,
}

impl GrpcClient {
    /// Must be called inside a tokio runtime.
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

    /// Makes one request. Returns the message of a successful response.
    pub(crate) async fn attempt(&self, message: Bytes) -> Result<Bytes, Failure> {
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut client = Grpc::new(channel);
        if self.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip);
        }
        client.ready().await.map_err(|error| Failure::transport(&error))?;
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        let response = client.unary(request, self.path.clone(), RawCodec).await;
        response.map(tonic::Response::into_inner).map_err(|status| Failure::grpc(&status))
    }

    /// Drops a connection on which no response came, because it may be dead: the operating system would end it after a
    /// quarter of an hour only. Must be called inside a tokio runtime.
    pub(crate) fn reset(&self) {
        *self.channel.lock().unwrap_or_else(PoisonError::into_inner) = self.endpoint.connect_lazy();
    }
}
