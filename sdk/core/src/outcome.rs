//! How requests, loads, waits and store operations end: the enums that counters are indexed by.

/// An enum whose values index a counter and name themselves in telemetry.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of their indices.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The attribute value telemetry carries.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

#[cfg(feature = "shared")]
pub(crate) use named;

named! {
    /// How one request ended: exactly one of these.
    RequestResult {
        /// Answered with a fresh entry, or with an error that is remembered.
        Hit = "hit",
        /// Answered with an entry past its time, as the cache was told to.
        Stale = "stale",
        /// Answered by a load that this request ran itself.
        Miss = "miss",
        /// Answered by a load that another request was already running.
        Coalesced = "coalesced",
        /// Answered by a load that left the cache aside, as the request asked.
        Bypass = "bypass",
        /// Answered that nothing is there: it was to look, and not to load.
        Absent = "absent",
        /// Not answered: its future was dropped.
        Cancelled = "cancelled",
    }
}

named! {
    /// Why a request found nothing fresh.
    MissReason {
        /// No entry, and nothing known of an earlier one.
        Unknown = "unknown",
        /// The entry was past its time.
        Expired = "expired",
    }
}

named! {
    /// What made the wrapped function run.
    LoadTrigger {
        /// A request found nothing fresh.
        Miss = "miss",
        /// A request asked to leave aside what the cache holds.
        Bypass = "bypass",
        /// A request was served a stale or aging entry, which is renewed behind its back.
        Refresh = "refresh",
    }
}

named! {
    /// What became of an entry past its time.
    StaleEvent {
        /// It answered a request.
        Served = "served",
        /// A load took its place.
        Reloaded = "reloaded",
    }
}

named! {
    /// How a load ended.
    LoadOutcome {
        /// It returned a value.
        Loaded = "loaded",
        /// It returned an error.
        Failed = "failed",
        /// It panicked.
        Panicked = "panicked",
        /// Its future was dropped before it returned.
        Cancelled = "cancelled",
    }
}

named! {
    /// How a wait for another request's load, or for a place to load in, ended.
    WaitOutcome {
        /// The other load's answer was shared, a value or an error.
        Shared = "shared",
        /// It took too long: the request loads for itself, or has an error.
        Timeout = "timeout",
        /// The other load was cancelled or panicked.
        LeaderFailed = "leader_failed",
        /// It was for a place among the loads that run at a time, and there was one.
        Admitted = "admitted",
        /// The waiting request's own future was dropped.
        Cancelled = "cancelled",
    }
}

named! {
    /// Why a loaded value wasn't stored.
    RejectionReason {
        /// It is larger than the cache's limit for one entry.
        TooLarge = "too_large",
        /// The cache was told not to keep values like it.
        Refused = "refused",
    }
}

named! {
    /// What was asked of a store.
    Operation {
        /// Look an entry up.
        Get = "get",
        /// Store an entry.
        Put = "put",
        /// Drop an entry.
        Remove = "remove",
        /// Drop every entry.
        Clear = "clear",
    }
}

named! {
    /// What went wrong in the load that answered, or failed to answer, a request.
    Failure {
        /// It returned an error; telemetry names its type.
        Error = "error",
        /// It panicked.
        Panic = "panic",
    }
}

/// How one request ended, in full: one of a fixed set, so that every counter exists from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ending {
    /// Its result.
    pub result: RequestResult,
    /// For a miss, its reason.
    pub reason: Option<MissReason>,
    /// What went wrong, if anything did.
    pub failure: Option<Failure>,
}

impl Ending {
    const REASONS: usize = MissReason::ALL.len() + 1;
    const FAILURES: usize = Failure::ALL.len() + 1;
    /// How many indices there are.
    pub(crate) const COUNT: usize = RequestResult::ALL.len() * Self::REASONS * Self::FAILURES;

    /// An ending with nothing to add to its result.
    #[must_use]
    pub const fn of(result: RequestResult) -> Self {
        Self { result, reason: None, failure: None }
    }

    /// A miss and why.
    #[must_use]
    pub const fn miss(reason: MissReason) -> Self {
        Self { result: RequestResult::Miss, reason: Some(reason), failure: None }
    }

    /// The same ending, with what went wrong.
    #[must_use]
    pub const fn with_failure(self, failure: Failure) -> Self {
        Self { failure: Some(failure), ..self }
    }

    /// Every ending that can occur; without those that need a function that returns errors, if it can't.
    pub fn all(fallible: bool) -> impl Iterator<Item = Self> {
        let reasons = |result| match result {
            RequestResult::Miss => &[Some(MissReason::Unknown), Some(MissReason::Expired)][..],
            _ => &[None][..],
        };
        let failures = |result| match result {
            RequestResult::Miss | RequestResult::Bypass => &[None, Some(Failure::Error), Some(Failure::Panic)][..],
            // A follower of a load that panicked runs its own.
            RequestResult::Coalesced => &[None, Some(Failure::Error)][..],
            // With an error it is what was left when a load failed.
            RequestResult::Stale => &[None, Some(Failure::Error)][..],
            // With an error it is one that was remembered.
            RequestResult::Hit => &[None, Some(Failure::Error)][..],
            RequestResult::Cancelled | RequestResult::Absent => &[None][..],
        };
        RequestResult::ALL
            .into_iter()
            .flat_map(move |result| reasons(result).iter().map(move |reason| (result, *reason)))
            .flat_map(move |(result, reason)| {
                failures(result).iter().map(move |failure| Self { result, reason, failure: *failure })
            })
            .filter(move |ending| fallible || ending.failure != Some(Failure::Error))
    }

    pub(crate) const fn index(self) -> usize {
        let reason = match self.reason {
            None => 0,
            Some(reason) => reason as usize + 1,
        };
        let failure = match self.failure {
            None => 0,
            Some(failure) => failure as usize + 1,
        };
        (self.result as usize * Self::REASONS + reason) * Self::FAILURES + failure
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_ending_has_an_index_of_its_own() {
        let indices: Vec<usize> = Ending::all(true).map(Ending::index).collect();
        assert!(indices.iter().all(|index| *index < Ending::COUNT));
        assert_eq!(indices.iter().collect::<HashSet<_>>().len(), indices.len());
        assert_eq!(indices.len(), 2 + 2 + 6 + 2 + 3 + 1 + 1);
    }

    #[test]
    fn a_function_that_cannot_fail_has_no_error_endings() {
        assert!(Ending::all(false).all(|ending| ending.failure != Some(Failure::Error)));
        assert_eq!(Ending::all(false).count(), 1 + 1 + 4 + 1 + 2 + 1 + 1);
    }
}
