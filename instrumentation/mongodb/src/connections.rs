//! The pools of a client, one for each server, from the events that it makes of them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cachescope_core::client::{Client, InUse, PendingRequest, Pool, PoolLevels, PoolRegistration};
use mongodb::event::cmap::{CmapEvent, ConnectionCheckoutFailedReason, ConnectionPoolOptions};
use mongodb::options::ServerAddress;

use crate::telemetry::at;

/// What the client takes if its options don't say.
const DEFAULT_MAX: u32 = 10;

/// How long after somebody began to wait its event may come.
const SLACK: Duration = Duration::from_millis(10);

/// The pools that were created and not closed.
pub(crate) struct Connections {
    client: Client,
    pools: Mutex<HashMap<ServerAddress, Watched>>,
}

/// A pool, and its place in telemetry.
struct Watched {
    pool: Pool,
    state: Arc<Mutex<State>>,
    _registration: PoolRegistration,
}

/// What the events so far come to.
#[derive(Default)]
struct State {
    max: Option<u64>,
    idle_min: Option<u64>,
    ready: HashSet<u32>,
    out: HashMap<u32, InUse>,
    waiting: VecDeque<(Instant, PendingRequest)>,
}

impl Connections {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, pools: Mutex::default() }
    }

    pub(crate) fn handle(&self, event: CmapEvent) {
        match event {
            CmapEvent::PoolCreated(event) => self.open(event.address, event.options.unwrap_or_default()),
            CmapEvent::PoolClosed(event) => drop(self.lock().remove(&event.address)),
            CmapEvent::ConnectionReady(event) => self.with(&event.address, |pool, state| {
                state.ready.insert(event.connection_id);
                pool.created_in(event.duration);
            }),
            CmapEvent::ConnectionClosed(event) => self.with(&event.address, |_, state| {
                state.ready.remove(&event.connection_id);
                state.out.remove(&event.connection_id);
            }),
            CmapEvent::ConnectionCheckoutStarted(event) => self.with(&event.address, |pool, state| {
                state.waiting.push_back((Instant::now(), pool.wait_started()));
            }),
            CmapEvent::ConnectionCheckoutFailed(event) => self.with(&event.address, |pool, state| {
                state.waited(event.duration);
                if event.reason == ConnectionCheckoutFailedReason::Timeout {
                    pool.timed_out();
                }
            }),
            CmapEvent::ConnectionCheckedOut(event) => self.with(&event.address, |pool, state| {
                state.waited(event.duration);
                pool.waited_for(event.duration);
                state.out.insert(event.connection_id, pool.use_started());
            }),
            CmapEvent::ConnectionCheckedIn(event) => self.with(&event.address, |_, state| {
                state.out.remove(&event.connection_id);
            }),
            _ => {}
        }
    }

    fn open(&self, address: ServerAddress, options: ConnectionPoolOptions) {
        let client = at(&self.client, &address);
        let pool = client.pool(client.pool_name());
        // Zero is for as many as there are.
        let max = Some(u64::from(options.max_pool_size.unwrap_or(DEFAULT_MAX))).filter(|max| *max > 0);
        let idle_min = options.min_pool_size.map(u64::from);
        let state = Arc::new(Mutex::new(State { max, idle_min, ..State::default() }));
        let observed = Arc::downgrade(&state);
        let registration = pool.observe(move || observed.upgrade().map(|state| locked(&state).levels()));
        self.lock().insert(address, Watched { pool, state, _registration: registration });
    }

    /// Events of a pool that is closed are of no account any more.
    fn with(&self, address: &ServerAddress, change: impl FnOnce(&Pool, &mut State)) {
        let found = self.lock().get(address).map(|watched| (watched.pool.clone(), Arc::clone(&watched.state)));
        if let Some((pool, state)) = found {
            change(&pool, &mut locked(&state));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServerAddress, Watched>> {
        locked(&self.pools)
    }
}

impl State {
    fn levels(&self) -> PoolLevels {
        let used = self.out.len() as u64;
        let idle = (self.ready.len() as u64).saturating_sub(used);
        PoolLevels { idle, used, max: self.max, idle_min: self.idle_min, ..PoolLevels::default() }
    }

    /// Somebody who waited so long waits no more. Who began to wait earlier has gone without a word, since those who
    /// wait are served in turn: its future was dropped. When that one began is known to some microseconds.
    fn waited(&mut self, long: Duration) {
        let Some(since) = Instant::now().checked_sub(long) else { return };
        let apart = |began: Instant| began.max(since) - began.min(since);
        let nearest = self.waiting.iter().enumerate().min_by_key(|(_, (began, _))| apart(*began));
        if let Some((place, (began, _))) = nearest
            && *began <= since + SLACK
        {
            self.waiting.drain(..=place);
        }
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
