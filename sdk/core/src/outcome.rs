//! The outcomes of requests, loads, waits and store operations. Counters are indexed by these enums.

/// An enum whose values index counters and have names in telemetry.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All values, in the order of their indices.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// Returns the value of the telemetry attribute.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

named! {
    /// The result of a request. Each request has exactly one.
    RequestResult {
        /// A fresh entry answered the request, or a cached error did.
        Hit = "hit",
        /// An expired entry answered the request, as the configuration allows.
        #[doc(alias = "stale-while-revalidate")]
        #[doc(alias = "stale-if-error")]
        Stale = "stale",
        /// A load that this request ran itself answered it.
        Miss = "miss",
        /// A load that another request was already running answered it.
        #[doc(alias = "request coalescing")]
        #[doc(alias = "single flight")]
        Coalesced = "coalesced",
        /// A load that bypassed the cache answered it, as the request asked.
        Bypass = "bypass",
        /// The request was a look-up without a load, and the cache has no entry.
        Absent = "absent",
        /// The request was not answered, because its future was dropped.
        Cancelled = "cancelled",
    }
}

named! {
    /// The reason why a request found no fresh entry.
    MissReason {
        /// There was no entry, and the cache doesn't know of an earlier one. Either the cache doesn't remember removed
        /// keys, or other processes share its store.
        Unknown = "unknown",
        /// The cache never had an entry for the key.
        Cold = "cold",
        /// The entry had expired.
        Expired = "expired",
        /// The store had evicted the entry because it was full.
        Evicted = "evicted",
        /// The user had removed the entry.
        Invalidated = "invalidated",
        /// The value loaded last for this key wasn't stored.
        Rejected = "rejected",
        /// The shared store holds bytes that this cache didn't store: they are damaged, foreign, or of another version.
        Corrupt = "corrupt",
        /// The shared store couldn't be read.
        StoreError = "store_error",
    }
}

named! {
    /// The tier of a cache: memory or the shared store.
    Tier {
        /// The memory of this process.
        #[doc(alias = "near cache")]
        L1 = "l1",
        /// The shared store, which other processes use as well.
        #[doc(alias = "remote cache")]
        L2 = "l2",
    }
}

named! {
    /// The reason why the wrapped function ran.
    LoadTrigger {
        /// A request found no fresh entry.
        Miss = "miss",
        /// A request asked to bypass the cache.
        Bypass = "bypass",
        /// A stale or aging entry answered a request and is refreshed in the background.
        #[doc(alias = "stale-while-revalidate")]
        #[doc(alias = "refresh ahead")]
        Refresh = "refresh",
    }
}

named! {
    /// The fate of an expired entry.
    StaleEvent {
        /// The entry answered a request.
        Served = "served",
        /// A load replaced the entry.
        Reloaded = "reloaded",
    }
}

named! {
    /// The outcome of a load.
    LoadOutcome {
        /// The wrapped function returned a value.
        Loaded = "loaded",
        /// It returned an error.
        Failed = "failed",
        /// It panicked.
        Panicked = "panicked",
        /// The future of the load was dropped before it returned.
        Cancelled = "cancelled",
    }
}

named! {
    /// The outcome of a wait for another request's load, or for a free load slot.
    WaitOutcome {
        /// The waiting request shares the answer of the other load, a value or an error.
        Shared = "shared",
        /// The wait timed out. The request then loads for itself, or returns an error.
        Timeout = "timeout",
        /// The other load was cancelled, or it panicked.
        LeaderFailed = "leader_failed",
        /// The request waited for a free load slot, and got one.
        Admitted = "admitted",
        /// The future of the waiting request was dropped.
        Cancelled = "cancelled",
    }
}

named! {
    /// The owner of the load that a request waits for.
    WaitScope {
        /// Another request of this process.
        Process = "process",
        /// Another process, which holds the lease of the key in the shared store.
        Store = "store",
    }
}

named! {
    /// The reason why an entry left its store.
    EvictionReason {
        /// The store was full.
        #[doc(alias = "capacity")]
        Size = "size",
        /// The entry had expired, and the store swept it.
        Expired = "expired",
        /// A newer value of the same key replaced the entry.
        Replaced = "replaced",
        /// The user removed the entry.
        Invalidated = "invalidated",
    }
}

named! {
    /// The reason why a loaded value wasn't stored.
    RejectionReason {
        /// The value is larger than the cache's limit for one entry.
        TooLarge = "too_large",
        /// The cache is configured not to store such values.
        Refused = "refused",
        /// The shared store failed to store the value.
        StoreError = "store_error",
        /// During the load, the key was invalidated, or another process loaded it. The shared store doesn't have this
        /// value.
        Overtaken = "overtaken",
    }
}

impl RejectionReason {
    /// Returns whether only a cache with a shared store can have this reason.
    pub const fn requires_shared_store(self) -> bool {
        matches!(self, Self::StoreError | Self::Overtaken)
    }
}

named! {
    /// An operation on a store.
    Operation {
        /// Look up an entry.
        Get = "get",
        /// Store an entry.
        Put = "put",
        /// Remove an entry.
        Remove = "remove",
        /// Remove all entries.
        Clear = "clear",
        /// Acquire or release the lease of a key, which is the right to load it.
        Lease = "lease",
    }
}

named! {
    /// The kind of an error of a shared store. Telemetry reports it as `error.type`.
    StoreErrorKind {
        /// The store didn't answer in time.
        Timeout = "timeout",
        /// The store can't be reached, or the connection broke during the operation.
        Unreachable = "unreachable",
        /// The circuit breaker is open: the store kept failing, so it isn't called for a while.
        #[doc(alias = "circuit breaker")]
        Suspended = "suspended",
        /// The store has no capacity left.
        Full = "full",
        /// The store rejected the operation: wrong credentials, missing permissions, a read-only replica.
        Refused = "refused",
        /// The key or the value couldn't be encoded.
        Unencodable = "unencodable",
        /// Any other error.
        Other = "other",
    }
}

named! {
    /// The failure of the load that should have answered a request.
    Failure {
        /// The load returned an error. Telemetry reports the type of the error.
        Error = "error",
        /// It panicked.
        Panic = "panic",
    }
}
