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
        /// No entry, and nobody knows of an earlier one: the cache doesn't remember what left it, or others share its
        /// store.
        Unknown = "unknown",
        /// There has never been an entry of its key.
        Cold = "cold",
        /// The entry was past its time.
        Expired = "expired",
        /// The store had dropped the entry to make room.
        Evicted = "evicted",
        /// The user had dropped the entry.
        Invalidated = "invalidated",
        /// What was loaded last for this key wasn't kept.
        Rejected = "rejected",
        /// What the shared store holds isn't what this cache stored: damaged, foreign, or of another version.
        Corrupt = "corrupt",
        /// The shared store couldn't be asked.
        StoreError = "store_error",
    }
}

named! {
    /// Which of a cache's stores answered.
    Tier {
        /// This process's memory.
        L1 = "l1",
        /// The store behind it, which other processes share.
        L2 = "l2",
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
    /// Who was waited for.
    WaitScope {
        /// Another request of the same process.
        Process = "process",
        /// Another process, which holds the key's lease in the shared store.
        Store = "store",
    }
}

named! {
    /// Why a loaded value wasn't stored.
    RejectionReason {
        /// It is larger than the cache's limit for one entry.
        TooLarge = "too_large",
        /// The cache was told not to keep values like it.
        Refused = "refused",
        /// The shared store failed to take it.
        StoreError = "store_error",
        /// Its key was invalidated, or loaded by another process, while it was loaded: the shared store doesn't have it.
        Overtaken = "overtaken",
    }
}

impl RejectionReason {
    /// Whether it needs a store that is shared.
    pub(crate) const fn is_of_shared_stores(self) -> bool {
        matches!(self, Self::StoreError | Self::Overtaken)
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
        /// Take or give back the right to load a key.
        Lease = "lease",
    }
}

named! {
    /// What can go wrong with a shared store, as `error.type` names it.
    StoreErrorKind {
        /// It didn't answer in time.
        Timeout = "timeout",
        /// It can't be reached, or went away meanwhile.
        Unreachable = "unreachable",
        /// It was failing, and isn't asked for a while.
        Suspended = "suspended",
        /// It has no room.
        Full = "full",
        /// It doesn't let us: credentials, permissions, a read-only replica.
        Refused = "refused",
        /// The key or the value couldn't be turned into bytes.
        Unencodable = "unencodable",
        /// Anything else.
        Other = "other",
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
    /// For a hit or a stale answer, where it came from.
    pub tier: Tier,
}

impl Ending {
    /// How many indices there are.
    pub(crate) const COUNT: usize = CANCELLED + 1;

    /// An ending with nothing to add to its result.
    #[must_use]
    pub const fn of(result: RequestResult) -> Self {
        Self { result, reason: None, failure: None, tier: Tier::L1 }
    }

    /// A miss and why.
    #[must_use]
    pub const fn miss(reason: MissReason) -> Self {
        Self { reason: Some(reason), ..Self::of(RequestResult::Miss) }
    }

    /// The same ending, with what went wrong.
    #[must_use]
    pub const fn with_failure(self, failure: Failure) -> Self {
        Self { failure: Some(failure), ..self }
    }

    /// The same ending, with an answer that came out of the shared store.
    #[must_use]
    pub const fn from_shared_store(self) -> Self {
        Self { tier: Tier::L2, ..self }
    }

    /// Whether it can occur in a cache that has this.
    pub(crate) const fn can_occur(self, has_shared_store: bool, has_insight: bool) -> bool {
        let reason_can = match self.reason {
            None | Some(MissReason::Expired) => true,
            // Who remembers what has left, and shares it with nobody, always knows.
            Some(MissReason::Unknown) => has_shared_store || !has_insight,
            Some(MissReason::Cold | MissReason::Evicted) => has_insight && !has_shared_store,
            Some(MissReason::Invalidated | MissReason::Rejected) => has_insight,
            Some(MissReason::Corrupt | MissReason::StoreError) => has_shared_store,
        };
        reason_can && (has_shared_store || matches!(self.tier, Tier::L1))
    }

    /// Every ending that can occur; without those that need a function that returns errors, if it can't.
    pub fn all(fallible: bool) -> impl Iterator<Item = Self> {
        // What sets apart the endings of one result besides what went wrong.
        let kinds = |result| match result {
            RequestResult::Miss => MissReason::ALL.map(Self::miss).to_vec(),
            RequestResult::Hit | RequestResult::Stale => {
                Tier::ALL.map(|tier| Self { tier, ..Self::of(result) }).to_vec()
            }
            _ => vec![Self::of(result)],
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
            .flat_map(kinds)
            .flat_map(move |kind| failures(kind.result).iter().map(move |failure| Self { failure: *failure, ..kind }))
            // A remembered error is in memory.
            .filter(|ending| ending.result != RequestResult::Hit || ending.failure.is_none() || ending.tier == Tier::L1)
            .filter(move |ending| fallible || ending.failure != Some(Failure::Error))
    }

    /// Endings that can't occur share the index of one that can.
    pub(crate) const fn index(self) -> usize {
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
    fn every_ending_has_an_index_of_its_own() {
        let indices: Vec<usize> = Ending::all(true).map(Ending::index).collect();
        assert!(indices.iter().all(|index| *index < Ending::COUNT));
        assert_eq!(indices.iter().collect::<HashSet<_>>().len(), indices.len());
        assert_eq!(indices.len(), 3 + 4 + 24 + 2 + 3 + 1 + 1);
    }

    #[test]
    fn a_function_that_cannot_fail_has_no_error_endings() {
        assert!(Ending::all(false).all(|ending| ending.failure != Some(Failure::Error)));
        assert_eq!(Ending::all(false).count(), 2 + 2 + 16 + 1 + 2 + 1 + 1);
    }
}
