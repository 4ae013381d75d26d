//! The list of instances in a fleet.

use std::collections::BTreeSet;

use cachescope_core::StoreErrorKind;
use cachescope_core::shared::StoreError;
use serde::{Deserialize, Serialize};

use super::id::InstanceId;

/// The largest number of instances. It bounds the reads for an answer, and keeps the list below 21 kB.
const MAX_INSTANCES: usize = 1_000;

/// The instances of a fleet, some of which may be gone. The list is necessary because a store can't enumerate its keys.
///
/// The list needn't be complete. An instance may be missing because two changed the list at the same time, or because
/// the store lost it. The instance then adds itself when it publishes next. An instance that is gone has no publication
/// in the store, and any other instance removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct InstanceList(BTreeSet<InstanceId>);

impl InstanceList {
    pub(super) fn contains(&self, instance: InstanceId) -> bool {
        self.0.contains(&instance)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = InstanceId> {
        self.0.iter().copied()
    }

    /// Adds `joining` and removes `gone`.
    ///
    /// # Errors
    ///
    /// Returns an error if the list is full.
    pub(super) fn with_change(mut self, joining: InstanceId, gone: Option<InstanceId>) -> Result<Self, StoreError> {
        if let Some(gone) = gone {
            self.0.remove(&gone);
        }
        self.0.insert(joining);
        if self.0.len() > MAX_INSTANCES {
            let why = format!(
                "a fleet can have at most {MAX_INSTANCES} instances: split it into several fleets with different names"
            );
            return Err(StoreError::new(StoreErrorKind::Full, why));
        }
        Ok(self)
    }

    /// Returns another instance than `this`, chosen by the random number `drawn`.
    pub(super) fn pick_other(&self, this: InstanceId, drawn: u64) -> Option<InstanceId> {
        let others: Vec<InstanceId> = self.iter().filter(|other| *other != this).collect();
        let index = drawn.checked_rem(others.len() as u64)?;
        others.get(index as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance_list(ids: impl IntoIterator<Item = u64>) -> InstanceList {
        InstanceList(ids.into_iter().map(InstanceId).collect())
    }

    #[test]
    fn with_change_adds_an_instance_once_and_removes_a_gone_one() {
        let changed = instance_list([1, 2]).with_change(InstanceId(3), Some(InstanceId(1))).unwrap();
        assert_eq!(changed, instance_list([2, 3]));
        assert_eq!(changed.clone().with_change(InstanceId(3), Some(InstanceId(1))).unwrap(), changed);
        assert_eq!(
            instance_list([1]).with_change(InstanceId(1), Some(InstanceId(1))).unwrap(),
            instance_list([1]),
            "one that came back"
        );
    }

    #[test]
    fn full_list_rejects_instances_until_one_is_removed() {
        let full = instance_list(0..MAX_INSTANCES as u64);
        let error = full.clone().with_change(InstanceId(u64::MAX), None).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Full);
        assert_eq!(full.clone().with_change(InstanceId(7), None).unwrap(), full);
        assert!(full.with_change(InstanceId(u64::MAX), Some(InstanceId(7))).unwrap().contains(InstanceId(u64::MAX)));
    }

    #[test]
    fn pick_other_returns_each_other_instance_and_never_itself() {
        let drawn = |number| instance_list([1, 2, 3]).pick_other(InstanceId(2), number);
        assert_eq!([0, 1, 2, u64::MAX].map(drawn), [1, 3, 1, 3].map(|id| Some(InstanceId(id))));
        assert_eq!(instance_list([2]).pick_other(InstanceId(2), 5), None);
    }

    #[test]
    fn full_list_is_small() {
        let longest = instance_list((0..MAX_INSTANCES as u64).map(|id| u64::MAX - id));
        assert!(serde_json::to_vec(&longest).unwrap().len() <= 21_001);
    }
}
