//! The caches of a shop, with steady requests.

use std::convert::Infallible;
use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use cachescope::store::{IntoStore, KeyEncoding, Store};
use cachescope::{Builder, Cached, Moka, QuickCache, cached};
use cachescope_tests::access_trace::zipf;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The cache that the tests look at, which is too small.
pub(crate) const USERS: &str = "user.by_id";

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// The number of visitors of each cache.
const VISITORS: u64 = 4;

/// The period in seconds of the shop's load.
const DAY: f64 = 50.0;

enum Storage {
    Moka,
    QuickCache,
}

struct Shelf {
    name: &'static str,
    storage: Storage,
    capacity: u64,
    life: Duration,
    load: Duration,
    /// The number of keys, and the exponent of Zipf's law.
    keys: (u64, f64),
    /// The pause of a visitor between two requests.
    pause: Duration,
}

#[rustfmt::skip]
const SHELVES: [Shelf; 8] = {
    use Storage::{Moka, QuickCache};
    [
        // Name, storage, capacity, TTL in s, load in ms, number of keys and exponent, pause in ms.
        Shelf::of(USERS,              Moka,       1_000,  60,  6,  (6_000, 0.9), 2),
        Shelf::of("product.price",    QuickCache, 4_000,  5,   3,  (2_500, 1.0), 4),
        Shelf::of("product.by_slug",  Moka,       2_000,  300, 9,  (4_000, 0.9), 8),
        Shelf::of("session.by_id",    QuickCache, 10_000, 900, 2,  (1_500, 0.7), 3),
        Shelf::of("cart.by_user",     Moka,       5_000,  30,  4,  (1_200, 0.8), 12),
        Shelf::of("search.results",   QuickCache, 300,    60,  45, (9_000, 0.9), 60),
        Shelf::of("exchange.rate",    Moka,       200,    2,   80, (30, 1.1),    9),
        Shelf::of("stock.by_sku",     Moka,       3_000,  10,  12, (2_000, 1.0), 15),
    ]
};

impl Shelf {
    const fn of(
        name: &'static str,
        storage: Storage,
        capacity: u64,
        life: u64,
        load: u64,
        keys: (u64, f64),
        pause: u64,
    ) -> Self {
        let (life, load) = (Duration::from_secs(life), Duration::from_millis(load));
        Self { name, storage, capacity, life, load, keys, pause: Duration::from_millis(pause) }
    }
}

/// A shop. A drop ends all requests and removes the caches.
pub(crate) struct Shop {
    _visitors: JoinSet<()>,
}

impl Shop {
    pub(crate) const CACHES: usize = SHELVES.len();

    pub(crate) fn open(runtime: &Runtime) -> Self {
        let _within = runtime.enter();
        let mut visitors = JoinSet::new();
        for shelf in &SHELVES {
            match shelf.storage {
                Storage::Moka => shelf.visit(Moka::with_capacity(shelf.capacity), &mut visitors),
                Storage::QuickCache => shelf.visit(QuickCache::with_capacity(shelf.capacity), &mut visitors),
            }
        }
        Self { _visitors: visitors }
    }
}

impl Shelf {
    fn builder(&self) -> Builder<u64, String, Infallible> {
        let usual = self.load;
        let load = move |key: u64| async move {
            // Some keys take longer, and a few very long.
            let longer = if key % 300 == 299 { 400 * MILLISECOND } else { usual * (key % 5) as u32 / 4 };
            sleep(usual + longer).await;
            format!("what {key} names")
        };
        let thing = self.name.split('.').next().unwrap_or_default();
        cached(self.name, load).stale_after(self.life).jitter(0.2).hot_key_names(move |key| format!("{thing} {key}"))
    }

    fn visit<C>(&self, store: C, visitors: &mut JoinSet<()>)
    where
        C: IntoStore<u64, String>,
        C::Store: Store<u64, String, KeyEncoding: KeyEncoding<u64>> + Send + Sync + 'static,
    {
        let cache: Cached<u64, String, Infallible, C::Store> = self.builder().store(store).build();
        let ((keys, alpha), pause, opened) = (self.keys, self.pause, Instant::now());
        for visitor in 0..VISITORS {
            let cache = cache.clone();
            visitors.spawn(async move {
                for (count, key) in zipf(alpha, keys, usize::MAX, visitor).enumerate() {
                    cache.call(key).await;
                    // Sometimes the value is changed.
                    if count % 100 == 99 {
                        cache.invalidate(&key);
                    }
                    // Faster in the first second, so that there is data to show.
                    let busy = 1.0 + 0.4 * (opened.elapsed().as_secs_f64() * TAU / DAY).sin();
                    sleep(if opened.elapsed() < SECOND { MILLISECOND } else { pause.mul_f64(busy) }).await;
                }
            });
        }
    }
}
