//! The connection pools that telemetry reads, by name. They are never kept alive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use opentelemetry::KeyValue;

use super::names::{attributes, states};
use crate::panic_guard::unless_it_panics;

/// The current numbers and the limits of a pool's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolLevels {
    /// Connections in the pool.
    pub idle: u64,
    /// Connections out of the pool.
    pub used: u64,
    /// The maximum number of connections, if there is one.
    pub max: Option<u64>,
    /// The maximum number of idle connections, if there is one.
    pub idle_max: Option<u64>,
    /// The minimum number of idle connections, if there is one.
    pub idle_min: Option<u64>,
}

impl PoolLevels {
    /// Returns the sum of two pools of the same name.
    fn plus(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        Self {
            idle: self.idle.saturating_add(other.idle),
            used: self.used.saturating_add(other.used),
            max: sum(self.max, other.max),
            idle_max: sum(self.idle_max, other.idle_max),
            idle_min: sum(self.idle_min, other.idle_min),
        }
    }
}

/// Returns a pool's current numbers, or `None` once the pool is gone.
pub(super) type LevelsFn = dyn Fn() -> Option<PoolLevels> + Send + Sync;

/// All names of pools so far. A name stays when its pools are gone, because a counter must never fall.
#[derive(Default)]
pub(crate) struct Pools {
    named: Mutex<BTreeMap<Arc<str>, Arc<PoolGroup>>>,
}

impl Pools {
    pub(super) fn get_or_insert(&self, name: &Arc<str>) -> Arc<PoolGroup> {
        let mut named = self.lock();
        Arc::clone(named.entry(Arc::clone(name)).or_insert_with(|| Arc::new(PoolGroup::new(name))))
    }

    /// Returns the pools of each name. No lock is held while one is read.
    pub(super) fn all(&self) -> Vec<Arc<PoolGroup>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<PoolGroup>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pools of one name. They are added up, because the SDK keeps only the last of two observations with equal
/// attributes.
pub(super) struct PoolGroup {
    pub(super) attributes: PoolAttributeSets,
    pending: AtomicU64,
    timeouts: AtomicU64,
    live: Mutex<Vec<Weak<LevelsFn>>>,
    /// Set once a pool is registered. From then on the numbers are reported, as zero if all pools are gone.
    registered: OnceLock<()>,
}

/// The attribute sets of the pools of one name.
pub(super) struct PoolAttributeSets {
    pub(super) base: [KeyValue; 1],
    pub(super) idle: [KeyValue; 2],
    pub(super) used: [KeyValue; 2],
}

impl PoolGroup {
    fn new(name: &Arc<str>) -> Self {
        let name = || KeyValue::new(attributes::CONNECTION_POOL_NAME, Arc::clone(name));
        // Sorted by name: a set that isn't sorted takes two entries in the SDK's tables.
        let in_state = |state: &'static str| [name(), KeyValue::new(attributes::CONNECTION_STATE, state)];
        Self {
            attributes: PoolAttributeSets {
                base: [name()],
                idle: in_state(states::IDLE),
                used: in_state(states::USED),
            },
            pending: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            live: Mutex::default(),
            registered: OnceLock::new(),
        }
    }

    pub(super) fn register(&self, levels: &Arc<LevelsFn>) {
        self.lock().push(Arc::downgrade(levels));
        self.registered.get_or_init(|| ());
    }

    /// Removes registrations that were dropped.
    pub(super) fn remove_dropped(&self) {
        self.lock().retain(|levels| levels.strong_count() > 0);
    }

    /// Returns the sum of all pools, or `None` if no pool was registered, or if one panics.
    pub(super) fn levels(&self) -> Option<PoolLevels> {
        self.registered.get()?;
        let live: Vec<_> = self.lock().iter().filter_map(Weak::upgrade).collect();
        // This may drop a registration's closure, if that was its last owner.
        unless_it_panics(move || {
            live.into_iter().filter_map(|levels| levels()).fold(PoolLevels::default(), PoolLevels::plus)
        })
    }

    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    pub(super) fn wait_started(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wait_ended(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn timeouts(&self) -> u64 {
        self.timeouts.load(Ordering::Relaxed)
    }

    pub(super) fn timed_out(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<LevelsFn>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
