//! Metrics that can't be shown, each said once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::families::Conflict;

/// Names aren't bounded by us, so what is remembered of them is.
const MOST: usize = 256;

/// What has been said.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    said: Mutex<BTreeSet<String>>,
}

impl Conflicts {
    /// Warns of those that are news.
    pub(crate) fn say(&self, conflicts: &[Conflict<'_>]) {
        for conflict in conflicts {
            if self.is_news(&conflict.family) {
                tracing::warn!(
                    instrument = conflict.instrument,
                    "Prometheus isn't shown {}: another metric has series named {} or like it; rename one of the two",
                    conflict.instrument,
                    conflict.family,
                );
            }
        }
    }

    /// Warns once of points that differ in nothing Prometheus sees.
    pub(crate) fn say_duplicates(&self, points: u64) {
        if points > 0 && self.is_news("") {
            tracing::warn!(
                points,
                "Prometheus isn't shown every point: some have the labels of another once their attributes are named \
                 as Prometheus takes them, or without otel_scope_* labels",
            );
        }
    }

    fn is_news(&self, name: &str) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.len() < MOST && said.insert(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_said_once_and_not_without_end() {
        let conflicts = Conflicts::default();
        assert!(conflicts.is_news("a"));
        assert!(!conflicts.is_news("a"));
        let said = (0..2 * MOST).filter(|n| conflicts.is_news(&n.to_string())).count();
        assert_eq!(said, MOST - 1);
    }
}
