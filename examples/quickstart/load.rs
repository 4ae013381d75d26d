//! The load: visitors who want popular products most, and now and then a crowd that wants the same one.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::try_join_all;
use rand_distr::{Distribution, Uniform, Zipf};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::catalog::PRODUCTS;
use crate::service::Products;

const VISITORS: usize = 8;
/// A visitor's pace: all of them together make 2,000 requests a second.
const PAUSE: Duration = Duration::from_millis(4);
/// One visit in so many goes over HTTP, which costs many times what the cache does.
const HTTP_ONE_IN: u64 = 10;

/// So many want one product at one moment, as when a link to it is passed around: one loads it, the others wait.
const CROWD: usize = 25;
const CROWD_EVERY: Duration = Duration::from_secs(1);

/// The load, running.
#[derive(Debug)]
pub(crate) struct Load {
    stop: watch::Sender<bool>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Starts visitors and crowds, on `products` itself and on the service at `address`.
    pub(crate) fn start(products: &Products, address: SocketAddr) -> anyhow::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        // Loopback is no business of a proxy's.
        let http = reqwest::Client::builder().no_proxy().build()?;
        let popular = Zipf::new(f64::from(PRODUCTS), 1.0)?;
        let any = Uniform::new_inclusive(1, i64::from(PRODUCTS))?;
        let mut tasks = JoinSet::new();
        for _ in 0..VISITORS {
            tasks.spawn(visitor(products.clone(), http.clone(), address, popular, stopped.clone()));
        }
        tasks.spawn(crowds(products.clone(), any, stopped));
        Ok(Self { stop, tasks })
    }

    /// Ends it when every request under way has its answer.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended?.context("the load has ended early")?;
        }
        Ok(())
    }
}

async fn visitor(
    products: Products,
    http: reqwest::Client,
    address: SocketAddr,
    popular: Zipf<f64>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut pace = interval(PAUSE);
    // On a busy machine: fewer visits, not a burst of them later.
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for visit in 1_u64.. {
        pace.tick().await;
        if *stopped.borrow() {
            break;
        }
        let id = popular.sample(&mut rand::rng()) as i64;
        if visit.is_multiple_of(HTTP_ONE_IN) {
            let page = http.get(format!("http://{address}/products/{id}")).send().await?;
            page.error_for_status()?.bytes().await?;
        } else {
            products.try_call(id).await?;
        }
    }
    Ok(())
}

async fn crowds(products: Products, any: Uniform<i64>, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut pace = interval(CROWD_EVERY);
    while tokio::select! { _ = pace.tick() => true, _ = stopped.changed() => false } {
        let id = any.sample(&mut rand::rng());
        try_join_all((0..CROWD).map(|_| products.try_call(id))).await?;
    }
    Ok(())
}
