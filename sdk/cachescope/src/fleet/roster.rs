//! Who is in a fleet.

use std::collections::BTreeSet;

use cachescope_core::StoreErrorKind;
use cachescope_core::shared::StoreError;
use serde::{Deserialize, Serialize};

use super::id::InstanceId;

/// The most instances there can be: what an answer asks the store for is bounded, and the list stays below 21 kB.
const MOST: usize = 1_000;

/// The instances of a fleet, some of which may be gone: a store can't be asked what it holds, so they list themselves.
///
/// It need not be whole. An instance that isn't on it, because two changed it at once or the store lost it, lists itself
/// when it publishes next; one that is gone has published nothing that is still stored, and is taken off by whoever
/// comes by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Roster(BTreeSet<InstanceId>);

impl Roster {
    pub(super) fn lists(&self, instance: InstanceId) -> bool {
        self.0.contains(&instance)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = InstanceId> {
        self.0.iter().copied()
    }

    /// With `joining` on it, and without `gone`.
    pub(super) fn changed(mut self, joining: InstanceId, gone: Option<InstanceId>) -> Result<Self, StoreError> {
        if let Some(gone) = gone {
            self.0.remove(&gone);
        }
        self.0.insert(joining);
        if self.0.len() > MOST {
            let why = format!("a fleet has {MOST} instances at most: divide it into several of other names");
            return Err(StoreError::new(StoreErrorKind::Full, why));
        }
        Ok(self)
    }

    /// Another one than `this`, by a number drawn at random.
    pub(super) fn another(&self, this: InstanceId, drawn: u64) -> Option<InstanceId> {
        let others: Vec<InstanceId> = self.iter().filter(|other| *other != this).collect();
        let index = drawn.checked_rem(others.len() as u64)?;
        others.get(index as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(ids: impl IntoIterator<Item = u64>) -> Roster {
        Roster(ids.into_iter().map(InstanceId).collect())
    }

    #[test]
    fn who_joins_is_listed_once_and_who_is_gone_is_not() {
        let changed = roster([1, 2]).changed(InstanceId(3), Some(InstanceId(1))).unwrap();
        assert_eq!(changed, roster([2, 3]));
        assert_eq!(changed.clone().changed(InstanceId(3), Some(InstanceId(1))).unwrap(), changed);
        assert_eq!(roster([1]).changed(InstanceId(1), Some(InstanceId(1))).unwrap(), roster([1]), "one that came back");
    }

    #[test]
    fn a_full_one_takes_nobody_until_one_is_gone() {
        let full = roster(0..MOST as u64);
        let error = full.clone().changed(InstanceId(u64::MAX), None).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full);
        assert_eq!(full.clone().changed(InstanceId(7), None).unwrap(), full);
        assert!(full.changed(InstanceId(u64::MAX), Some(InstanceId(7))).unwrap().lists(InstanceId(u64::MAX)));
    }

    #[test]
    fn another_is_each_of_the_others_and_never_oneself() {
        let drawn = |number| roster([1, 2, 3]).another(InstanceId(2), number);
        assert_eq!([0, 1, 2, u64::MAX].map(drawn), [1, 3, 1, 3].map(|id| Some(InstanceId(id))));
        assert_eq!(roster([2]).another(InstanceId(2), 5), None);
    }

    #[test]
    fn a_full_one_is_small() {
        let longest = roster((0..MOST as u64).map(|id| u64::MAX - id));
        assert!(serde_json::to_vec(&longest).unwrap().len() <= 21_001);
    }
}
