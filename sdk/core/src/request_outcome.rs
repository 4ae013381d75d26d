//! The complete outcome of a request.

use crate::outcome::{Failure, MissReason, RequestResult, Tier};

/// The complete outcome of a request. There is a fixed set of outcomes, so that every counter exists from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestOutcome {
    /// The result.
    pub result: RequestResult,
    /// The reason, for a miss.
    pub reason: Option<MissReason>,
    /// The failure, if the load failed.
    pub failure: Option<Failure>,
    /// The tier that answered, for a hit or a stale answer.
    pub tier: Tier,
}

impl RequestOutcome {
    /// The number of indices.
    pub const COUNT: usize = CANCELLED + 1;

    /// Creates an outcome of this result, with no reason and no failure, in memory.
    #[must_use]
    pub const fn new(result: RequestResult) -> Self {
        Self { result, reason: None, failure: None, tier: Tier::L1 }
    }

    /// Creates a miss with its reason.
    #[must_use]
    pub const fn miss(reason: MissReason) -> Self {
        Self { reason: Some(reason), ..Self::new(RequestResult::Miss) }
    }

    /// Returns the same outcome with this failure.
    #[must_use]
    pub const fn with_failure(self, failure: Failure) -> Self {
        Self { failure: Some(failure), ..self }
    }

    /// Returns the same outcome with the shared store as the tier that answered.
    #[must_use]
    pub const fn served_by_shared_store(self) -> Self {
        Self { tier: Tier::L2, ..self }
    }

    /// Returns whether the outcome can occur in a cache with these features.
    pub const fn can_occur(self, has_shared_store: bool, has_insight: bool) -> bool {
        let reason_can = match self.reason {
            None | Some(MissReason::Expired) => true,
            // A cache with insight and without a shared store always knows the reason.
            Some(MissReason::Unknown) => has_shared_store || !has_insight,
            Some(MissReason::Cold | MissReason::Evicted) => has_insight && !has_shared_store,
            Some(MissReason::Invalidated | MissReason::Rejected) => has_insight,
            Some(MissReason::Corrupt | MissReason::StoreError) => has_shared_store,
        };
        reason_can && (has_shared_store || matches!(self.tier, Tier::L1))
    }

    /// Returns every outcome that can occur. If the wrapped function isn't `fallible`, outcomes with [`Failure::Error`]
    /// are left out.
    pub fn all(fallible: bool) -> impl Iterator<Item = Self> {
        // The outcomes of one result, before failures are added.
        let kinds = |result| match result {
            RequestResult::Miss => MissReason::ALL.map(Self::miss).to_vec(),
            RequestResult::Hit | RequestResult::Stale => {
                Tier::ALL.map(|tier| Self { tier, ..Self::new(result) }).to_vec()
            }
            _ => vec![Self::new(result)],
        };
        let failures = |result| match result {
            RequestResult::Miss | RequestResult::Bypass => &[None, Some(Failure::Error), Some(Failure::Panic)][..],
            // A follower of a load that panicked runs its own load.
            RequestResult::Coalesced => &[None, Some(Failure::Error)][..],
            // With an error: a stale entry answered because the load failed.
            RequestResult::Stale => &[None, Some(Failure::Error)][..],
            // With an error: a cached error answered.
            RequestResult::Hit => &[None, Some(Failure::Error)][..],
            RequestResult::Cancelled | RequestResult::Absent => &[None][..],
        };
        RequestResult::ALL
            .into_iter()
            .flat_map(kinds)
            .flat_map(move |kind| failures(kind.result).iter().map(move |failure| Self { failure: *failure, ..kind }))
            // Errors are cached in memory only.
            .filter(|outcome| {
                outcome.result != RequestResult::Hit || outcome.failure.is_none() || outcome.tier == Tier::L1
            })
            .filter(move |outcome| fallible || outcome.failure != Some(Failure::Error))
    }

    /// Returns the index, below [`RequestOutcome::COUNT`]. An outcome that can't occur has the index of one that can.
    pub const fn index(self) -> usize {
        let failed = self.failure.is_some() as usize;
        let failure = match self.failure {
            None => 0,
            Some(failure) => failure as usize + 1,
        };
        let reason = match self.reason {
            None => 0,
            Some(reason) => reason as usize,
        };
        match self.result {
            RequestResult::Hit => self.tier as usize * 2 + failed,
            RequestResult::Stale => STALE + self.tier as usize * 2 + failed,
            RequestResult::Miss => MISS + reason * (Failure::ALL.len() + 1) + failure,
            RequestResult::Coalesced => COALESCED + failed,
            RequestResult::Bypass => BYPASS + failure,
            RequestResult::Absent => ABSENT,
            RequestResult::Cancelled => CANCELLED,
        }
    }
}

const STALE: usize = Tier::ALL.len() * 2;
const MISS: usize = STALE + Tier::ALL.len() * 2;
const COALESCED: usize = MISS + MissReason::ALL.len() * (Failure::ALL.len() + 1);
const BYPASS: usize = COALESCED + 2;
const ABSENT: usize = BYPASS + Failure::ALL.len() + 1;
const CANCELLED: usize = ABSENT + 1;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_outcome_has_its_own_index() {
        let indices: Vec<usize> = RequestOutcome::all(true).map(RequestOutcome::index).collect();
        assert!(indices.iter().all(|index| *index < RequestOutcome::COUNT));
        assert_eq!(indices.iter().collect::<HashSet<_>>().len(), indices.len());
        assert_eq!(indices.len(), 3 + 4 + 24 + 2 + 3 + 1 + 1);
    }

    #[test]
    fn infallible_function_has_no_error_outcomes() {
        assert!(RequestOutcome::all(false).all(|outcome| outcome.failure != Some(Failure::Error)));
        assert_eq!(RequestOutcome::all(false).count(), 2 + 2 + 16 + 1 + 2 + 1 + 1);
    }
}
