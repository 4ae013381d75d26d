//! What the instances of a fleet counted.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::published::together;
use crate::metrics::{Snapshot, Stats};

/// What the processes of a fleet counted, each at an age of its own. A plain value, which can be sent and stored; made
/// by [`FleetView::stats`](crate::FleetView::stats).
///
/// The numbers are those of the processes it lists and add up exactly, as [`Fleet`](crate::Fleet) says: one that has gone
/// takes its numbers along, so a total may fall. For counters over all time use
/// [OpenTelemetry](https://opentelemetry.io)'s, or [`Stats::since`] of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FleetStats {
    instances: Vec<FleetInstance>,
    unreadable: usize,
}

/// One process of a fleet, as it was when it published last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct FleetInstance {
    /// What nothing else is called: 16 hex digits, drawn by each process.
    pub id: String,
    /// What the user calls it, by [`Fleet::instance`](crate::Fleet::instance); else the same.
    pub name: String,
    /// How long ago these were its numbers: by its clock and the reader's, so it is wrong by as much as they differ.
    pub age: Duration,
    /// Whether it left in order, and these are its last.
    pub ended: bool,
    /// What each of its caches counted in this process; of those of one name, store and labels together.
    pub caches: Vec<Snapshot>,
}

impl FleetStats {
    pub(super) fn new(mut instances: Vec<FleetInstance>, unreadable: usize) -> Self {
        instances.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Self { instances, unreadable }
    }

    /// The processes, by name.
    #[must_use]
    pub fn instances(&self) -> &[FleetInstance] {
        &self.instances
    }

    /// How old the oldest of these numbers are; `None` of no instances.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.instances.iter().map(|instance| instance.age).max()
    }

    /// How many entries of the fleet in the store couldn't be read: damaged, somebody else's, or of a process with other
    /// features of this crate. Their instances are missing here.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// The stats of all caches of this name, merged; `None` where no instance has one.
    #[must_use]
    pub fn cache(&self, name: &str) -> Option<Stats> {
        merged(self.each().filter(|snapshot| snapshot.cache == name))
    }

    /// The stats of each cache, merged over the instances: one of each name, store and labels, by name.
    #[must_use]
    pub fn caches(&self) -> Vec<Snapshot> {
        together(self.each())
    }

    /// The stats of everything, merged; `None` where no instance has a cache.
    #[must_use]
    pub fn total(&self) -> Option<Stats> {
        merged(self.each())
    }

    fn each(&self) -> impl Iterator<Item = &Snapshot> {
        self.instances.iter().flat_map(|instance| &instance.caches)
    }
}

/// One line: how many, how old.
impl fmt::Display for FleetStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = self.instances.iter().filter(|instance| instance.ended).count();
        write!(f, "{} instances", self.instances.len())?;
        if ended > 0 {
            write!(f, ", {ended} of them ended")?;
        }
        if let Some(age) = self.age() {
            write!(f, ", {:.1} s old at most", age.as_secs_f64())?;
        }
        if self.unreadable > 0 {
            write!(f, ", {} unreadable", self.unreadable)?;
        }
        Ok(())
    }
}

fn merged<'a>(mut snapshots: impl Iterator<Item = &'a Snapshot>) -> Option<Stats> {
    let first = snapshots.next()?.stats.clone();
    Some(snapshots.fold(first, |all, snapshot| all.merge(&snapshot.stats)))
}
