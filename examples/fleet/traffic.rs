//! The traffic: visitors of the shop, which can be held without losing a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::RngExt as _;
use rand_distr::{Distribution as _, Zipf};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::shop::Shop;

/// The number of visitors. They prefer popular products.
const VISITORS: u32 = 8;
const PRODUCTS: f64 = 1_000.0;
/// The time after which a visitor makes the requests that are due by the rate.
const TICK: Duration = Duration::from_millis(20);
/// The maximum time that a busy machine catches up with.
const CATCH_UP: Duration = Duration::from_millis(500);

/// The time between two requests for a price and a session, independent of the rate.
const FIXED_EVERY: Duration = Duration::from_millis(50);
const PRICES: u64 = 20;
const SESSIONS: u64 = 200;

/// The number of simultaneous requests for one price: one request loads it, the others wait, and some time out.
const CROWD: usize = 12;
const CROWD_EVERY: Duration = Duration::from_millis(600);
const CROWDED_PRICES: u64 = 1_000_000;

/// A guard that stops new requests.
pub(crate) type Held = OwnedRwLockWriteGuard<()>;

/// The running traffic. Dropping it cancels running requests: call `hold` before, so that none is running.
#[derive(Debug)]
pub(crate) struct Traffic {
    /// Locked for reading by every running request.
    gate: Arc<RwLock<()>>,
    _tasks: JoinSet<()>,
}

impl Traffic {
    /// Starts `rate` requests per second for products, and the fixed requests.
    pub(crate) fn start(shop: &Shop, rate: u32) -> anyhow::Result<Self> {
        let gate = Arc::new(RwLock::new(()));
        let popular = Zipf::new(PRODUCTS, 1.0)?;
        let mut tasks = JoinSet::new();
        for _ in 0..VISITORS {
            tasks.spawn(visitor(shop.clone(), Arc::clone(&gate), popular, f64::from(rate) / f64::from(VISITORS)));
        }
        tasks.spawn(fixed(shop.clone(), Arc::clone(&gate)));
        tasks.spawn(crowds(shop.clone(), Arc::clone(&gate)));
        Ok(Self { gate, _tasks: tasks })
    }

    /// Waits for running requests. No request starts until the guard is dropped.
    pub(crate) async fn hold(&self) -> Held {
        Arc::clone(&self.gate).write_owned().await
    }
}

async fn visitor(shop: Shop, gate: Arc<RwLock<()>>, popular: Zipf<f64>, rate: f64) {
    let mut pace = interval(TICK);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut last, mut due) = (Instant::now(), 0.0);
    loop {
        pace.tick().await;
        due += rate * last.elapsed().min(CATCH_UP).as_secs_f64();
        last = Instant::now();
        while due >= 1.0 {
            due -= 1.0;
            let _running = gate.read().await;
            let product = popular.sample(&mut rand::rng()) as u64;
            shop.product(product).await;
        }
    }
}

async fn fixed(shop: Shop, gate: Arc<RwLock<()>>) {
    let mut pace = interval(FIXED_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        pace.tick().await;
        let _running = gate.read().await;
        let (price, session) = (rand::rng().random_range(0..PRICES), rand::rng().random_range(0..SESSIONS));
        shop.price(price).await;
        shop.session(session).await;
    }
}

async fn crowds(shop: Shop, gate: Arc<RwLock<()>>) {
    let mut pace = interval(CROWD_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        pace.tick().await;
        let _running = gate.read().await;
        let price = rand::rng().random_range(PRICES..CROWDED_PRICES);
        join_all((0..CROWD).map(|_| shop.price(price))).await;
    }
}
