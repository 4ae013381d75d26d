//! One cache's numbers, and what they are told by: the counting, the time, what was counted when.

#[cfg(feature = "persist")]
use std::io;
#[cfg(feature = "persist")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "persist")]
use cachescope_core::Totals;
use cachescope_core::{Clock, Recorder};

use crate::metrics::history::{History, Reading};
#[cfg(feature = "persist")]
use crate::metrics::persistence::{Keeper, Persistence};
use crate::metrics::window::Window;

/// One cache's numbers over all its time.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) clock: Clock,
    history: Mutex<History>,
    #[cfg(feature = "persist")]
    keeper: Option<Mutex<Keeper>>,
    /// Whether telemetry tells what is restored. Not asked of the keeper, who is busy while it saves.
    #[cfg(feature = "persist")]
    reports_restored: bool,
}

impl Ledger {
    pub(crate) fn new(recorder: Arc<Recorder>, clock: Clock) -> Self {
        Self {
            history: Mutex::new(History::new(clock.now())),
            recorder,
            clock,
            #[cfg(feature = "persist")]
            keeper: None,
            #[cfg(feature = "persist")]
            reports_restored: false,
        }
    }

    /// Ends a slice of time, if it has been long enough.
    pub(crate) fn turn(&self) {
        self.history().turn(self.clock.now(), &self.recorder);
    }

    pub(crate) fn total(&self) -> Reading {
        self.history().total(self.clock.now(), &self.recorder)
    }

    #[cfg(feature = "fleet")]
    pub(crate) fn own(&self) -> Reading {
        self.history().own(self.clock.now(), &self.recorder)
    }

    pub(crate) fn window(&self, window: Window) -> Reading {
        self.history().window(window, self.clock.now(), &self.recorder)
    }

    pub(crate) fn restored(&self) -> Option<Reading> {
        self.history().restored()
    }

    pub(crate) fn reset(&self) {
        self.history().reset(self.clock.now(), &self.recorder);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }
}

#[cfg(feature = "persist")]
impl Ledger {
    /// Goes on with what is kept of an earlier process, and keeps what is counted.
    pub(crate) fn kept(mut self, persistence: Persistence) -> Self {
        self.reports_restored = persistence.is_reported();
        self.keeper = Some(Mutex::new(Keeper::new(&self.recorder.identity().cache, persistence)));
        self.keep();
        self
    }

    /// What telemetry is to tell of earlier processes; nothing where nobody asked for it.
    pub(crate) fn reported(&self) -> Option<Totals> {
        self.reports_restored.then(|| self.restored().map_or_else(Totals::default, |reading| reading.counts.totals))
    }

    /// Saves the numbers for the next process; where the place for them was taken, tries that again, and goes on with
    /// what is there. Says what hinders it.
    pub(crate) fn keep(&self) {
        if let Some(keeper) = &self.keeper {
            let mut keeper = lock(keeper);
            // The store may be the user's, and this the caller's path, or a drop.
            let kept = catch_unwind(AssertUnwindSafe(|| self.try_to_keep(&mut keeper)));
            keeper.tell(kept.unwrap_or_else(|_| Err(io::Error::other("its store panicked"))));
        }
    }

    /// [`Ledger::keep`], whose caller is told.
    pub(crate) fn save(&self) -> io::Result<()> {
        self.keeper.as_ref().map_or(Ok(()), |keeper| self.try_to_keep(&mut lock(keeper)))
    }

    fn try_to_keep(&self, keeper: &mut Keeper) -> io::Result<()> {
        let wall = || self.clock.wall(self.clock.now());
        if let Some((past, gap)) = keeper.open(wall())? {
            self.history().restore(past, gap, self.clock.now(), &self.recorder);
        }
        let past = self.history().past(self.clock.now(), &self.recorder);
        keeper.save(&past, wall())
    }
}

/// Of a cache that ends, what was counted since the last time is kept as well.
#[cfg(feature = "persist")]
impl Drop for Ledger {
    fn drop(&mut self) {
        self.keep();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
