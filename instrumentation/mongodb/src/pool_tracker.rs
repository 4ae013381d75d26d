//! Reports the connection pools of a client, one for each server, from the client's events.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cachescope_telemetry::db_client::{Client, ConnectionInUse, PendingRequest, Pool, PoolLevels, PoolRegistration};
use mongodb::event::cmap::{CmapEvent, ConnectionCheckoutFailedReason, ConnectionPoolOptions};
use mongodb::options::ServerAddress;

use crate::server_address::client_of_server;

/// The client's default for the maximum pool size.
const DEFAULT_MAX: u32 = 10;

/// The longest delay between the start of a wait and its event.
const EVENT_DELAY: Duration = Duration::from_millis(10);

/// The pools that were created and haven't been closed.
pub(crate) struct PoolTracker {
    client: Client,
    pools: Mutex<HashMap<ServerAddress, ObservedPool>>,
}

/// A pool with its state and its registration in telemetry.
struct ObservedPool {
    pool: Pool,
    state: Arc<Mutex<PoolState>>,
    _registration: PoolRegistration,
}

/// The state of a pool, from all events so far.
#[derive(Default)]
struct PoolState {
    max: Option<u64>,
    idle_min: Option<u64>,
    ready: HashSet<u32>,
    checked_out: HashMap<u32, ConnectionInUse>,
    waiting: VecDeque<(Instant, PendingRequest)>,
}

impl PoolTracker {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, pools: Mutex::default() }
    }

    pub(crate) fn handle(&self, event: CmapEvent) {
        match event {
            CmapEvent::PoolCreated(event) => self.open(event.address, event.options.unwrap_or_default()),
            CmapEvent::PoolClosed(event) => drop(self.lock().remove(&event.address)),
            CmapEvent::ConnectionReady(event) => self.update(&event.address, |pool, state| {
                state.ready.insert(event.connection_id);
                pool.created_after(event.duration);
            }),
            CmapEvent::ConnectionClosed(event) => self.update(&event.address, |_, state| {
                state.ready.remove(&event.connection_id);
                state.checked_out.remove(&event.connection_id);
            }),
            CmapEvent::ConnectionCheckoutStarted(event) => self.update(&event.address, |pool, state| {
                state.waiting.push_back((Instant::now(), pool.wait_started()));
            }),
            CmapEvent::ConnectionCheckoutFailed(event) => self.update(&event.address, |pool, state| {
                state.end_wait(event.duration);
                if event.reason == ConnectionCheckoutFailedReason::Timeout {
                    pool.timed_out();
                }
            }),
            CmapEvent::ConnectionCheckedOut(event) => self.update(&event.address, |pool, state| {
                state.end_wait(event.duration);
                pool.waited_for(event.duration);
                state.checked_out.insert(event.connection_id, pool.use_started());
            }),
            CmapEvent::ConnectionCheckedIn(event) => self.update(&event.address, |_, state| {
                state.checked_out.remove(&event.connection_id);
            }),
            _ => {}
        }
    }

    fn open(&self, address: ServerAddress, options: ConnectionPoolOptions) {
        let client = client_of_server(&self.client, &address);
        let pool = client.pool(client.pool_name());
        // Zero means no maximum.
        let max = Some(u64::from(options.max_pool_size.unwrap_or(DEFAULT_MAX))).filter(|max| *max > 0);
        let idle_min = options.min_pool_size.map(u64::from);
        let state = Arc::new(Mutex::new(PoolState { max, idle_min, ..PoolState::default() }));
        let observed = Arc::downgrade(&state);
        let registration = pool.observe(move || observed.upgrade().map(|state| lock(&state).levels()));
        self.lock().insert(address, ObservedPool { pool, state, _registration: registration });
    }

    /// Changes the state of a pool. Ignores events of a closed pool.
    fn update(&self, address: &ServerAddress, change: impl FnOnce(&Pool, &mut PoolState)) {
        let found = self.lock().get(address).map(|observed| (observed.pool.clone(), Arc::clone(&observed.state)));
        if let Some((pool, state)) = found {
            change(&pool, &mut lock(&state));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServerAddress, ObservedPool>> {
        lock(&self.pools)
    }
}

impl PoolState {
    fn levels(&self) -> PoolLevels {
        let used = self.checked_out.len() as u64;
        let idle = (self.ready.len() as u64).saturating_sub(used);
        PoolLevels { idle, used, max: self.max, idle_min: self.idle_min, ..PoolLevels::default() }
    }

    /// Ends the wait that took `duration`, and all waits that began before it.
    ///
    /// Waits are served in order, so an earlier wait ended without an event: its future was dropped. The start of a
    /// wait is known to within some microseconds.
    fn end_wait(&mut self, duration: Duration) {
        let Some(since) = Instant::now().checked_sub(duration) else { return };
        let distance = |began: Instant| began.max(since) - began.min(since);
        let nearest = self.waiting.iter().enumerate().min_by_key(|(_, (began, _))| distance(*began));
        if let Some((index, (began, _))) = nearest
            && *began <= since + EVENT_DELAY
        {
            self.waiting.drain(..=index);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
