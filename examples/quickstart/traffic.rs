//! The traffic: visitors who prefer popular products, and sometimes a crowd that wants the same product at once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::try_join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::catalog::PRODUCTS;
use crate::service::Products;

const VISITORS: usize = 8;
/// The time between two visits of a visitor: all visitors together make 2,000 requests a second.
const PAUSE: Duration = Duration::from_millis(4);
/// One visit in `HTTP_ONE_IN` goes over HTTP, which costs many times the cache's own cost.
const HTTP_ONE_IN: u64 = 10;

/// The number of simultaneous requests for one product, as when many people follow one link: a thundering herd. One
/// request loads the product, the others wait for that load.
const CROWD: usize = 25;
const CROWD_EVERY: Duration = Duration::from_secs(1);

/// The running traffic.
#[derive(Debug)]
pub(crate) struct Traffic {
    stop: watch::Sender<bool>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Traffic {
    /// Starts visitors and crowds. They call `products` directly, and the service at `address` over HTTP.
    pub(crate) fn start(products: &Products, address: SocketAddr) -> anyhow::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        // A proxy of the environment can't reach 127.0.0.1.
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut tasks = JoinSet::new();
        for _ in 0..VISITORS {
            tasks.spawn(visitor(products.clone(), http.clone(), address, stopped.clone()));
        }
        tasks.spawn(crowds(products.clone(), stopped));
        Ok(Self { stop, tasks })
    }

    /// Stops the traffic once every running request is answered.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended?.context("the traffic ended early")?;
        }
        Ok(())
    }
}

/// Picks a product by Zipf's law: product `k` about `1/k` times as often as product 1.
fn popular() -> i64 {
    // The inverse of the distribution function, for an exponent of 1.
    f64::from(PRODUCTS).powf(fastrand::f64()) as i64
}

async fn visitor(
    products: Products,
    http: reqwest::Client,
    address: SocketAddr,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut pace = interval(PAUSE);
    // A busy machine makes fewer visits, instead of a burst later.
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for visit in 1_u64.. {
        pace.tick().await;
        if *stopped.borrow() {
            break;
        }
        let id = popular();
        if visit.is_multiple_of(HTTP_ONE_IN) {
            let page = http.get(format!("http://{address}/products/{id}")).send().await?;
            page.error_for_status()?.bytes().await?;
        } else {
            products.try_call(id).await?;
        }
    }
    Ok(())
}

async fn crowds(products: Products, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut pace = interval(CROWD_EVERY);
    while tokio::select! { _ = pace.tick() => true, _ = stopped.changed() => false } {
        let id = fastrand::i64(1..=i64::from(PRODUCTS));
        try_join_all((0..CROWD).map(|_| products.try_call(id))).await?;
    }
    Ok(())
}
