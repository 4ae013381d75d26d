//! The load: visitors of the shop, who can be held without losing one of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::RngExt as _;
use rand_distr::{Distribution as _, Zipf};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::shop::Shop;

/// Who look at products; of those the popular ones most.
const VISITORS: u32 = 8;
const PRODUCTS: f64 = 1_000.0;
/// How often a visitor looks at what is due by the rate.
const TICK: Duration = Duration::from_millis(20);
/// What a busy machine didn't get done is caught up with, but no more than this time's.
const CATCH_UP: Duration = Duration::from_millis(500);

/// One price and one session each time, whatever the rate.
const ASIDE: Duration = Duration::from_millis(50);
const PRICES: u64 = 20;
const SESSIONS: u64 = 200;

/// So many want one price at one moment: one loads it, the others wait, and some lose patience.
const CROWD: usize = 12;
const CROWD_EVERY: Duration = Duration::from_millis(600);
const CROWDED_PRICES: u64 = 1_000_000;

/// While it is there no request begins.
pub(crate) type Held = OwnedRwLockWriteGuard<()>;

/// All of them. Dropped they end where they are: hold them before, and no request is cut off.
#[derive(Debug)]
pub(crate) struct Visitors {
    /// Read by every request under way.
    gate: Arc<RwLock<()>>,
    _tasks: JoinSet<()>,
}

impl Visitors {
    /// Has them ask for `rate` products a second, and for other things besides.
    pub(crate) fn start(shop: &Shop, rate: u32) -> anyhow::Result<Self> {
        let gate = Arc::new(RwLock::new(()));
        let popular = Zipf::new(PRODUCTS, 1.0)?;
        let mut tasks = JoinSet::new();
        for _ in 0..VISITORS {
            tasks.spawn(visitor(shop.clone(), Arc::clone(&gate), popular, f64::from(rate) / f64::from(VISITORS)));
        }
        tasks.spawn(aside(shop.clone(), Arc::clone(&gate)));
        tasks.spawn(crowds(shop.clone(), Arc::clone(&gate)));
        Ok(Self { gate, _tasks: tasks })
    }

    /// Lets requests under way finish; none begins while what this returns is held.
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
            let _under_way = gate.read().await;
            let product = popular.sample(&mut rand::rng()) as u64;
            shop.product(product).await;
        }
    }
}

async fn aside(shop: Shop, gate: Arc<RwLock<()>>) {
    let mut pace = interval(ASIDE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        pace.tick().await;
        let _under_way = gate.read().await;
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
        let _under_way = gate.read().await;
        let price = rand::rng().random_range(PRICES..CROWDED_PRICES);
        join_all((0..CROWD).map(|_| shop.price(price))).await;
    }
}
