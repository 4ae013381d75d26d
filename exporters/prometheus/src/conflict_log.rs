//! Warnings about metrics that can't be exposed, each logged once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::families::Conflict;

/// The largest number of names kept: the application decides how many names there are.
const MAX_NAMES: usize = 256;

/// The names of the families that have been warned about.
#[derive(Debug, Default)]
pub(crate) struct ConflictLog {
    warned: Mutex<BTreeSet<String>>,
}

impl ConflictLog {
    /// Logs a warning for each conflict that has not been logged before.
    pub(crate) fn warn(&self, conflicts: &[Conflict<'_>]) {
        for conflict in conflicts {
            if self.is_first(&conflict.family) {
                tracing::warn!(
                    instrument = conflict.instrument,
                    "metric {} is left out for Prometheus: another metric has series named {} or similar; rename one of the two",
                    conflict.instrument,
                    conflict.family,
                );
            }
        }
    }

    /// Logs a warning, once, about points with equal labels.
    pub(crate) fn warn_about_duplicates(&self, points: u64) {
        if points > 0 && self.is_first("") {
            tracing::warn!(
                points,
                "points are left out for Prometheus: they have the labels of another point, because attribute names are \
                 converted to label names, or because otel_scope_* labels are off",
            );
        }
    }

    fn is_first(&self, name: &str) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.len() < MAX_NAMES && warned.insert(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflict_is_logged_once_and_at_most_max_names_are_kept() {
        let conflicts = ConflictLog::default();
        assert!(conflicts.is_first("a"));
        assert!(!conflicts.is_first("a"));
        let first = (0..2 * MAX_NAMES).filter(|n| conflicts.is_first(&n.to_string())).count();
        assert_eq!(first, MAX_NAMES - 1);
    }
}
