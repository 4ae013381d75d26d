//! Connections to a Redis Cluster.

use std::sync::Arc;

use cachescope_core::shared::StoreError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::aio::ConnectionLike;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Client, Cmd, ConnectionInfo, Pipeline, RedisFuture, RedisResult, Value};

use crate::connection_source::{BoxedConnection, ConnectionSource, StoreConnection};
use crate::error::unexpected_reply;
use crate::instrument::Instrumentation;
use crate::invalidations::PubSubConnector;
use crate::node::Node;
use crate::reconnecting::{client, tcp};

/// The retries of the client. Two are enough to follow a key that has moved. More would only delay the error.
const RETRIES: u32 = 2;

/// Hands out clones of a cluster connection, which manages the connections to the nodes.
pub(crate) struct Cluster(pub(crate) ClusterConnection);

impl ConnectionSource for Cluster {
    fn connection<'a>(&'a self, _: Option<&'a Instrumentation>) -> BoxFuture<'a, Result<BoxedConnection, StoreError>> {
        let boxed: BoxedConnection = Box::new(ClusterHandle(self.0.clone()));
        async { Ok(boxed) }.boxed()
    }
}

struct ClusterHandle(ClusterConnection);

impl StoreConnection for ClusterHandle {
    fn query<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async { self.0.req_packed_command(cmd).await?.extract_error() }.boxed()
    }

    fn is_cluster(&self) -> bool {
        true
    }

    fn query_node<'a>(&'a mut self, node: Node, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move { self.0.route_command(cmd.clone(), RoutingInfo::SingleNode(route(node))).await?.extract_error() }
            .boxed()
    }

    fn query_node_pipeline<'a>(&'a mut self, node: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>> {
        self.0.route_pipeline(pipeline.clone(), 0, pipeline.len(), route(node)).boxed()
    }
}

/// Routes to a node by a slot. The address that a node reports may differ from the address at which it is reachable.
fn route(node: Node) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::new(node.slot, SlotAddr::Master))
}

/// Creates a client for the cluster of these nodes.
pub(crate) fn cluster_client(nodes: Vec<ConnectionInfo>) -> RedisResult<ClusterClient> {
    #[cfg(feature = "tls")]
    crate::tls::provide();
    ClusterClient::builder(nodes).retries(RETRIES).tcp_settings(tcp()).build()
}

/// Returns a connector that subscribes at the first reachable node. The cluster forwards published messages to all its
/// nodes.
pub(crate) fn listen_to(nodes: Vec<ConnectionInfo>) -> RedisResult<PubSubConnector> {
    let clients = nodes.into_iter().map(client).collect::<RedisResult<Vec<Client>>>()?;
    Ok(Arc::new(move || {
        let clients = clients.clone();
        async move {
            let mut last = Err(unexpected_reply());
            for client in clients {
                last = client.get_async_pubsub().await;
                if last.is_ok() {
                    break;
                }
            }
            last
        }
        .boxed()
    }))
}
