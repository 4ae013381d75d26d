//! The pools that telemetry reads, by name. Never keeps one alive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use opentelemetry::KeyValue;

use super::names::{attributes, states};
use crate::telemetry::unless_it_panics;

/// How many connections a pool has, and may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolLevels {
    /// Connections in the pool.
    pub idle: u64,
    /// Connections that somebody has.
    pub used: u64,
    /// The most connections it may have, where it has such a limit.
    pub max: Option<u64>,
    /// The most idle connections it keeps, where it has such a limit.
    pub idle_max: Option<u64>,
    /// The fewest idle connections it keeps, where it has such a limit.
    pub idle_min: Option<u64>,
}

impl PoolLevels {
    /// The levels of two pools of one name together.
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

/// What says how a pool is, until the pool is gone.
pub(super) type Levels = dyn Fn() -> Option<PoolLevels> + Send + Sync;

/// Every name of a pool there has been: a name stays when its pools are gone, since a counter never falls.
#[derive(Default)]
pub(crate) struct Pools {
    named: Mutex<BTreeMap<Arc<str>, Arc<Namesakes>>>,
}

impl Pools {
    pub(super) fn of(&self, name: &Arc<str>) -> Arc<Namesakes> {
        let mut named = self.lock();
        Arc::clone(named.entry(Arc::clone(name)).or_insert_with(|| Arc::new(Namesakes::new(name))))
    }

    /// Those of each name. No lock is held while one is asked something.
    pub(super) fn all(&self) -> Vec<Arc<Namesakes>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Namesakes>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pools of one name, which count together: of two observations with equal attributes the SDK keeps the last.
pub(super) struct Namesakes {
    pub(super) attributes: AttributeSets,
    pending: AtomicU64,
    timeouts: AtomicU64,
    live: Mutex<Vec<Weak<Levels>>>,
    /// Set once one of them has said how it is: from then on there is a number, zero when all are gone.
    seen: OnceLock<()>,
}

/// Every attribute set of theirs.
pub(super) struct AttributeSets {
    pub(super) base: [KeyValue; 1],
    pub(super) idle: [KeyValue; 2],
    pub(super) used: [KeyValue; 2],
}

impl Namesakes {
    fn new(name: &Arc<str>) -> Self {
        let name = || KeyValue::new(attributes::CONNECTION_POOL_NAME, Arc::clone(name));
        // In the order of their names: a set that isn't takes two places in the SDK's tables.
        let in_state = |state: &'static str| [name(), KeyValue::new(attributes::CONNECTION_STATE, state)];
        Self {
            attributes: AttributeSets { base: [name()], idle: in_state(states::IDLE), used: in_state(states::USED) },
            pending: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            live: Mutex::default(),
            seen: OnceLock::new(),
        }
    }

    pub(super) fn register(&self, levels: &Arc<Levels>) {
        self.lock().push(Arc::downgrade(levels));
        self.seen.get_or_init(|| ());
    }

    /// Forgets those that are gone.
    pub(super) fn forget_gone(&self) {
        self.lock().retain(|levels| levels.strong_count() > 0);
    }

    /// How they are together; `None` where nobody has told, or one panics over it.
    pub(super) fn levels(&self) -> Option<PoolLevels> {
        self.seen.get()?;
        let live: Vec<_> = self.lock().iter().filter_map(Weak::upgrade).collect();
        // It may drop what it asked, if that was the last one who had it.
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

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Levels>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
