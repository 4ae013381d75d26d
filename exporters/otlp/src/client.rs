use bytes::Bytes;

use crate::failure::Failure;
use crate::grpc_client::GrpcClient;
use crate::http_client::HttpClient;

/// The client of one exporter.
#[derive(Debug)]
pub(crate) enum Client {
    Http(HttpClient),
    Grpc(Box<GrpcClient>),
}

impl Client {
    /// Makes one request. Returns the body of a successful response.
    pub(crate) async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        match self {
            Self::Http(client) => client.attempt(body).await,
            Self::Grpc(client) => client.attempt(body).await,
        }
    }

    /// Drops a connection on which no response came. Must be called inside a tokio runtime.
    pub(crate) fn reset(&self) {
        if let Self::Grpc(client) = self {
            client.reset();
        }
    }
}
