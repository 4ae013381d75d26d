//! All names in cachescope's telemetry: the Rust side of `semconv/`. A test checks that both are equal.

/// The OpenTelemetry instrument of a metric, which defines how its values add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Instrument {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks. It can be added up over instances.
    UpDownCounter,
    /// A current value that can't be added up.
    Gauge,
    /// A distribution of values.
    Histogram,
}

/// The name, instrument, unit and description of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name, with dots.
    pub name: &'static str,
    /// The instrument.
    pub instrument: Instrument,
    /// The unit, in UCUM notation.
    pub unit: &'static str,
    /// The description, as a short text.
    pub brief: &'static str,
}

pub(crate) const fn metric(
    name: &'static str,
    instrument: Instrument,
    unit: &'static str,
    brief: &'static str,
) -> Metric {
    Metric { name, instrument, unit, brief }
}

/// Names of metrics.
pub mod metrics {
    use super::Instrument::{Counter, Gauge, Histogram, UpDownCounter};
    use super::{Metric, metric};

    /// Cache requests, by result.
    pub const REQUESTS: Metric =
        metric("cachescope.requests", Counter, "{request}", "Cache requests, by result. Never sampled.");
    /// Requests that earlier processes counted, by result.
    pub const REQUESTS_RESTORED: Metric = metric(
        "cachescope.requests.restored",
        UpDownCounter,
        "{request}",
        "Requests that earlier processes counted, by result. Only for caches that persist their metrics and opted in.",
    );
    /// Load time avoided by hits and stale answers, minus the time spent on caching.
    pub const SAVED_TIME: Metric = metric(
        "cachescope.saved.time",
        Counter,
        "s",
        "Load time avoided by hits and stale answers, minus the time spent on caching.",
    );
    /// Duration of a request.
    pub const REQUEST_DURATION: Metric = metric(
        "cachescope.request.duration",
        Histogram,
        "s",
        "Duration of a cache request. One in cachescope.hit.timing.interval hits is timed.",
    );
    /// Average number of hits for each timed hit.
    pub const HIT_TIMING_INTERVAL: Metric = metric(
        "cachescope.hit.timing.interval",
        Gauge,
        "{request}",
        "Average number of hits for each hit that is timed.",
    );
    /// Duration of a store operation.
    pub const OPERATION_DURATION: Metric = metric(
        "cachescope.operation.duration",
        Histogram,
        "s",
        "Duration of a store operation. Look-ups in memory are recorded for timed hits only.",
    );
    /// Duration of a load.
    pub const LOAD_DURATION: Metric = metric(
        "cachescope.load.duration",
        Histogram,
        "s",
        "Duration of a load, which is one run of the wrapped function.",
    );
    /// Loads that are running now.
    pub const LOAD_ACTIVE: Metric =
        metric("cachescope.load.active", UpDownCounter, "{load}", "Loads that are running now.");
    /// Time that a request waited for another request's load, or for a free load slot.
    pub const WAIT_DURATION: Metric = metric(
        "cachescope.wait.duration",
        Histogram,
        "s",
        "Time that a request waited for another request's load, or for a free load slot.",
    );
    /// Requests that are waiting now.
    pub const WAIT_ACTIVE: Metric = metric(
        "cachescope.wait.active",
        UpDownCounter,
        "{request}",
        "Requests that are waiting now for another request's load, or for a free load slot.",
    );
    /// Time that the longest-waiting request has waited so far.
    pub const WAIT_LONGEST: Metric =
        metric("cachescope.wait.longest", Gauge, "s", "Time that the longest-waiting request has waited so far.");
    /// Time since an entry expired, when it was served or replaced.
    pub const STALE_AGE: Metric = metric(
        "cachescope.stale.age",
        Histogram,
        "s",
        "Time since an entry expired, when it was served stale or replaced by a load.",
    );
    /// Entries that left the store, by reason.
    pub const EVICTIONS: Metric =
        metric("cachescope.evictions", Counter, "{eviction}", "Entries that left the store, by reason.");
    /// Loaded values that were not stored, by reason.
    pub const REJECTIONS: Metric =
        metric("cachescope.rejections", Counter, "{entry}", "Loaded values that were not stored, by reason.");
    /// Failed operations on the shared store.
    pub const STORE_ERRORS: Metric = metric(
        "cachescope.store.errors",
        Counter,
        "{error}",
        "Failed operations on the shared store, by operation and error. Only for caches with a shared store.",
    );
    /// Entries invalidated by a tag.
    pub const TAG_INVALIDATIONS: Metric = metric(
        "cachescope.tag.invalidations",
        Counter,
        "{entry}",
        "Entries invalidated by a tag. Only for caches that opted in.",
    );
    /// Entries in the store.
    pub const ENTRY_COUNT: Metric = metric("cachescope.entry.count", UpDownCounter, "{entry}", "Entries in the store.");
    /// Maximum number of entries.
    pub const ENTRY_LIMIT: Metric =
        metric("cachescope.entry.limit", UpDownCounter, "{entry}", "Maximum number of entries in the store.");
    /// Size of a stored entry.
    pub const ENTRY_SIZE: Metric = metric(
        "cachescope.entry.size",
        Histogram,
        "By",
        "Size of a stored entry, as measured by the size function of the cache.",
    );
    /// Bytes in the store.
    pub const SIZE_USAGE: Metric = metric(
        "cachescope.size.usage",
        UpDownCounter,
        "By",
        "Bytes in the store, as measured by the size function of the cache.",
    );
    /// Maximum number of bytes.
    pub const SIZE_LIMIT: Metric =
        metric("cachescope.size.limit", UpDownCounter, "By", "Maximum number of bytes in the store.");

    /// Estimated hit rate at other capacities.
    pub const CURVE_HIT_RATIO: Metric = metric(
        "cachescope.curve.hit_ratio",
        Gauge,
        "1",
        "Estimated hit rate at this multiple of the current capacity, from scaled-down simulations over sampled keys. \
         Absent until enough keys were seen.",
    );

    /// All metrics.
    pub const ALL: [Metric; 22] = [
        CURVE_HIT_RATIO,
        REQUESTS,
        REQUESTS_RESTORED,
        SAVED_TIME,
        REQUEST_DURATION,
        HIT_TIMING_INTERVAL,
        OPERATION_DURATION,
        LOAD_DURATION,
        LOAD_ACTIVE,
        WAIT_DURATION,
        WAIT_ACTIVE,
        WAIT_LONGEST,
        STALE_AGE,
        EVICTIONS,
        REJECTIONS,
        STORE_ERRORS,
        TAG_INVALIDATIONS,
        ENTRY_COUNT,
        ENTRY_LIMIT,
        ENTRY_SIZE,
        SIZE_USAGE,
        SIZE_LIMIT,
    ];
}

/// Names of attributes, on metrics and on spans.
pub mod attributes {
    /// The name of the cache.
    pub const CACHE_NAME: &str = "cachescope.cache.name";
    /// The kind of store that holds the entries.
    pub const STORE: &str = "cachescope.store";
    /// The tier of the cache that was used, if the cache has a shared store.
    pub const TIER: &str = "cachescope.tier";
    /// The result of a request.
    pub const RESULT: &str = "cachescope.result";
    /// The reason why a request found no fresh entry.
    pub const MISS_REASON: &str = "cachescope.miss.reason";
    /// A multiple of the current capacity.
    pub const CAPACITY_MULTIPLE: &str = "cachescope.capacity.multiple";
    /// The reason why the wrapped function ran.
    pub const LOAD_TRIGGER: &str = "cachescope.load.trigger";
    /// The outcome of a wait.
    pub const WAIT_OUTCOME: &str = "cachescope.wait.outcome";
    /// The owner of the load that a request waited for: another request of this process, or another process.
    pub const WAIT_SCOPE: &str = "cachescope.wait.scope";
    /// The fate of an expired entry.
    pub const STALE_EVENT: &str = "cachescope.stale.event";
    /// The operation on the store.
    pub const OPERATION: &str = "cachescope.operation";
    /// The reason why an entry left its store.
    pub const EVICTION_REASON: &str = "cachescope.eviction.reason";
    /// The reason why a loaded value was not stored.
    pub const REJECTION_REASON: &str = "cachescope.rejection.reason";
    /// The tag by which entries were invalidated.
    pub const TAG: &str = "cachescope.tag";
    /// The type of the error, or one of the values in [`super::error_types`].
    pub const ERROR_TYPE: &str = "error.type";
    /// The age of the entry that answered, in seconds. On spans only.
    pub const ENTRY_AGE: &str = "cachescope.entry.age";
    /// The duration of the request, in seconds, for samplers. Only on spans that are made after the request.
    pub const REQUEST_ELAPSED: &str = "cachescope.request.elapsed";
    /// Whether the cache answered the request. On spans only. Some back ends know this name.
    pub const CACHE_HIT: &str = "cache.hit";
    /// The number of cache requests within a trace's first span in a process. This attribute and the next four are on
    /// first spans only.
    pub const TRACE_REQUESTS: &str = "cachescope.trace.requests";
    /// The number of these requests that a cache answered.
    pub const TRACE_HITS: &str = "cachescope.trace.hits";
    /// The number of loads that these requests ran.
    pub const TRACE_LOADS: &str = "cachescope.trace.loads";
    /// The time that these requests spent in loads and in waits for other requests' loads, in seconds.
    pub const TRACE_WAIT_TIME: &str = "cachescope.trace.wait.time";
    /// The load time that these requests avoided, in seconds.
    pub const TRACE_SAVED_TIME: &str = "cachescope.trace.saved.time";

    /// All attributes.
    pub const ALL: [&str; 23] = [
        CACHE_NAME,
        STORE,
        TIER,
        RESULT,
        MISS_REASON,
        CAPACITY_MULTIPLE,
        LOAD_TRIGGER,
        WAIT_OUTCOME,
        WAIT_SCOPE,
        STALE_EVENT,
        OPERATION,
        EVICTION_REASON,
        REJECTION_REASON,
        TAG,
        ERROR_TYPE,
        ENTRY_AGE,
        REQUEST_ELAPSED,
        CACHE_HIT,
        TRACE_REQUESTS,
        TRACE_HITS,
        TRACE_LOADS,
        TRACE_WAIT_TIME,
        TRACE_SAVED_TIME,
    ];
}

/// Values of `error.type` that aren't the name of an error type.
pub mod error_types {
    /// The wrapped function panicked.
    pub const PANIC: &str = "panic";
    /// The future of the load was dropped.
    pub const CANCELLED: &str = "cancelled";
}

/// Names of spans. Each name is followed by a space and the name of the cache.
pub mod spans {
    /// One request.
    pub const GET: &str = "cache.get";
    /// One load: a run of the wrapped function.
    pub const LOAD: &str = "cache.load";

    /// All spans.
    pub const ALL: [&str; 2] = [GET, LOAD];
}

/// The name of the instrumentation scope of every metric and span.
pub const SCOPE: &str = "cachescope";
