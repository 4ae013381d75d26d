//! The service: a shop with three caches, each with a different problem.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use cachescope::redis::Instrumentation;
use cachescope::redis::bb8_redis::{RedisConnectionManager, bb8};
use cachescope::redis::redis::Client;
use cachescope::store::{MokaStore, TieredStore};
use cachescope::{Cached, Moka, Redis, Shared, Stats, Tiered, cached, try_cached};
use rand::RngExt as _;
use rand_distr::{Distribution as _, LogNormal};
use tokio::time::sleep;

use crate::load_times::LoadTimes;

/// In memory, in front of a Redis that all instances share.
pub(crate) const PRODUCT: &str = "product.by_id";
/// Served stale while it is refreshed. One load in five takes longer than the wait timeout.
pub(crate) const PRICE: &str = "price.by_id";
/// Too small for the requested keys, and one session in ten doesn't exist.
pub(crate) const SESSION: &str = "session.by_token";

/// Fewer connections than concurrent requests, so requests sometimes wait for one.
const CONNECTIONS: u32 = 4;

/// The error of a session that doesn't exist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSession;

impl fmt::Display for NoSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such session")
    }
}

impl std::error::Error for NoSession {}

type Product = Cached<u64, String, std::convert::Infallible, TieredStore<MokaStore<u64, String>>>;

/// The caches. Clones share them.
#[derive(Clone)]
pub(crate) struct Shop {
    product: Product,
    price: Cached<u64, u64>,
    session: Cached<u64, u64, NoSession>,
    loads: LoadTimes,
}

impl Shop {
    pub(crate) async fn open(redis_url: &str) -> anyhow::Result<Self> {
        let loads = LoadTimes::default();
        Ok(Self { product: product(&loads, redis_url).await?, price: price(&loads), session: session(&loads), loads })
    }

    #[tracing::instrument(name = "GET /products/{id}", skip_all, fields(otel.kind = "server"))]
    pub(crate) async fn product(&self, id: u64) -> String {
        self.product.call(id).await
    }

    #[tracing::instrument(name = "GET /prices/{id}", skip_all, fields(otel.kind = "server"))]
    pub(crate) async fn price(&self, id: u64) -> u64 {
        self.price.call(id).await
    }

    #[tracing::instrument(name = "GET /sessions/{token}", skip_all, fields(otel.kind = "server"))]
    pub(crate) async fn session(&self, token: u64) -> Option<u64> {
        self.session.try_call(token).await.ok()
    }

    /// Returns the stats of each cache.
    pub(crate) fn stats(&self) -> BTreeMap<String, Stats> {
        let stats = [
            (PRODUCT, self.product.metrics().stats()),
            (PRICE, self.price.metrics().stats()),
            (SESSION, self.session.metrics().stats()),
        ];
        stats.map(|(name, stats)| (name.to_owned(), stats)).into()
    }

    /// Returns the durations of loads.
    pub(crate) fn loads(&self) -> BTreeMap<String, Vec<u64>> {
        self.loads.all()
    }

    /// Waits for background loads. Without a running load, counts no longer change.
    pub(crate) async fn wait_until_idle(&self) {
        const PAUSE: Duration = Duration::from_millis(5);
        while self.stats().values().any(|stats| stats.loads_active() > 0) {
            sleep(PAUSE).await;
        }
    }

    /// Ends the background work of the caches.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        self.product.flush().await.context("failed to delete entries in Redis")?;
        self.product.close().await;
        self.price.close().await;
        self.session.close().await;
        Ok(())
    }
}

async fn product(loads: &LoadTimes, redis_url: &str) -> anyhow::Result<Product> {
    let client = Client::open(redis_url).context("REDIS_URL must have the form redis://HOST:PORT/")?;
    let pool = bb8::Pool::builder()
        .max_size(CONNECTIONS)
        .connection_timeout(Duration::from_secs(2))
        .build(RedisConnectionManager::new(redis_url)?)
        .await
        .context("failed to connect to the Redis of REDIS_URL")?;
    let instrument = Instrumentation::from_connection_info(client.get_connection_info()).pool_name("shop");
    let redis = Redis::pool(pool).listen_with(client).instrument(instrument);
    let duration = LogNormal::new(8_f64.ln(), 0.6)?;
    let loads = loads.clone();
    let load = move |id: u64| {
        let loads = loads.clone();
        async move {
            let query = sleep(Duration::from_secs_f64(duration.sample(&mut rand::rng()) / 1_000.0));
            loads.timed(PRODUCT, query).await;
            format!("product {id}")
        }
    };
    let memory = Moka::with_byte_limit(64 * 1024, |_, product: &String| product.len());
    let store = Tiered::new(memory, Shared::new(redis).namespace("fleet"));
    let product = cached(PRODUCT, load).store(store).entry_size(String::len);
    Ok(product.stale_after(Duration::from_secs(10)).jitter(0.2).build())
}

fn price(loads: &LoadTimes) -> Cached<u64, u64> {
    let loads = loads.clone();
    let load = move |id: u64| {
        let loads = loads.clone();
        async move {
            let millis = if id.is_multiple_of(5) { 120 } else { 20 };
            loads.timed(PRICE, sleep(Duration::from_millis(millis))).await;
            id * 100
        }
    };
    cached(PRICE, load)
        .store(Moka::with_capacity(5_000))
        .stale_after(Duration::from_millis(500))
        .serve_stale_for(Duration::from_secs(5))
        .wait_for_load_timeout(Duration::from_millis(60))
        .build()
}

fn session(loads: &LoadTimes) -> Cached<u64, u64, NoSession> {
    let loads = loads.clone();
    let load = move |token: u64| {
        let loads = loads.clone();
        async move {
            let found = async {
                let millis = rand::rng().random_range(1..4);
                sleep(Duration::from_millis(millis)).await;
                if token.is_multiple_of(10) { Err(NoSession) } else { Ok(token) }
            };
            loads.timed(SESSION, found).await
        }
    };
    try_cached(SESSION, load).store(Moka::with_capacity(50)).stale_after(Duration::from_secs(30)).build()
}
