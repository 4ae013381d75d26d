//! The numbers of a fleet.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::publication::merge_by_identity;
use crate::metrics::{Snapshot, Stats};

/// The numbers of the processes of a fleet, each with its age. A plain value, which is serialisable. Returned by
/// [`FleetView::stats`](crate::fleet::FleetView::stats).
///
/// The numbers of the listed processes add up exactly, as described at [`Fleet`](crate::fleet::Fleet). A process that
/// is gone takes its numbers along, so a total may fall. For counters over all time use
/// [OpenTelemetry](https://opentelemetry.io), or [`Stats::since`] of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FleetStats {
    instances: Vec<FleetInstance>,
    unreadable: usize,
}

/// One process of a fleet, as of its last publication.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct FleetInstance {
    /// The unique id: 16 hex digits, drawn at random by each process.
    pub id: String,
    /// The name set by [`Fleet::instance`](crate::fleet::Fleet::instance). Default: the id.
    pub name: String,
    /// The age of these numbers, by the clocks of the process and of the reader. So it is off by the difference of
    /// these clocks.
    pub age: Duration,
    /// Whether the process has left the fleet in order, and these are its last numbers.
    pub ended: bool,
    /// The numbers of its caches. Caches with the same name, store and labels are merged.
    pub caches: Vec<Snapshot>,
}

impl FleetStats {
    pub(super) fn new(mut instances: Vec<FleetInstance>, unreadable: usize) -> Self {
        instances.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Self { instances, unreadable }
    }

    /// Returns the processes, sorted by name.
    #[must_use]
    pub fn instances(&self) -> &[FleetInstance] {
        &self.instances
    }

    /// Returns the age of the oldest numbers. `None` without instances.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.instances.iter().map(|instance| instance.age).max()
    }

    /// Returns the number of entries that couldn't be read: damaged or foreign ones, or those of a process with other
    /// features of this crate. Their instances are missing here.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Returns the merged numbers of all caches with this name. `None` if no instance has one.
    #[must_use]
    pub fn cache(&self, name: &str) -> Option<Stats> {
        merged(self.each().filter(|snapshot| snapshot.cache == name))
    }

    /// Returns the numbers of each cache, merged over the instances and sorted by name. Caches are the same if their
    /// name, store and labels are.
    #[must_use]
    pub fn caches(&self) -> Vec<Snapshot> {
        merge_by_identity(self.each())
    }

    /// Returns the merged numbers of all caches. `None` if no instance has a cache.
    #[must_use]
    pub fn total(&self) -> Option<Stats> {
        merged(self.each())
    }

    fn each(&self) -> impl Iterator<Item = &Snapshot> {
        self.instances.iter().flat_map(|instance| &instance.caches)
    }
}

/// One line: the number of instances and the greatest age.
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
