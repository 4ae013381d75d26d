//! Redis Cluster: each key has its node.

use std::sync::Arc;

use cachescope_core::shared::StoreError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use redis::aio::ConnectionLike;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Client, Cmd, ConnectionInfo, Pipeline, RedisFuture, RedisResult, Value};

use crate::instrument::Instrument;
use crate::listening::Listen;
use crate::nodes::Node;
use crate::reconnecting::{client, tcp};
use crate::script::unexpected;
use crate::source::{Lent, Source};

/// Enough to follow a key to where it has moved; more would only keep who asks waiting.
const RETRIES: u32 = 2;

/// Clones of a cluster's connection, which sees to its nodes by itself.
pub(crate) struct Cluster(pub(crate) ClusterConnection);

impl Source for Cluster {
    fn lend<'a>(&'a self, _: Option<&'a Instrument>) -> BoxFuture<'a, Result<Box<dyn Lent>, StoreError>> {
        let lent: Box<dyn Lent> = Box::new(Nodes(self.0.clone()));
        async { Ok(lent) }.boxed()
    }
}

struct Nodes(ClusterConnection);

impl Lent for Nodes {
    fn ask<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async { self.0.req_packed_command(cmd).await?.extract_error() }.boxed()
    }

    fn has_nodes(&self) -> bool {
        true
    }

    fn ask_node<'a>(&'a mut self, node: Node, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        async move { self.0.route_command(cmd.clone(), RoutingInfo::SingleNode(route(node))).await?.extract_error() }
            .boxed()
    }

    fn ask_node_all<'a>(&'a mut self, node: Node, pipeline: &'a Pipeline) -> RedisFuture<'a, Vec<Value>> {
        self.0.route_pipeline(pipeline.clone(), 0, pipeline.len(), route(node)).boxed()
    }
}

/// By a slot rather than an address: that a node gives itself may be another than the one it is reached by.
fn route(node: Node) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::new(node.slot, SlotAddr::Master))
}

/// A client for the cluster that these nodes are of.
pub(crate) fn cluster_client(nodes: Vec<ConnectionInfo>) -> RedisResult<ClusterClient> {
    #[cfg(feature = "tls")]
    crate::tls::provide();
    ClusterClient::builder(nodes).retries(RETRIES).tcp_settings(tcp()).build()
}

/// Listens at the first of these nodes that is there: what one is told, the cluster tells all.
pub(crate) fn listen_to(nodes: Vec<ConnectionInfo>) -> RedisResult<Listen> {
    let clients = nodes.into_iter().map(client).collect::<RedisResult<Vec<Client>>>()?;
    Ok(Arc::new(move || {
        let clients = clients.clone();
        async move {
            let mut last = Err(unexpected());
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
