//! Every name telemetry uses: the Rust side of `semconv/`, held to it by a test.

/// How a metric's numbers add up, as OpenTelemetry's instruments have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Instrument {
    /// Only grows.
    Counter,
    /// Grows and shrinks, and adds up over instances.
    UpDownCounter,
    /// A present value that doesn't add up.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A metric's name, unit and meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, dotted.
    pub name: &'static str,
    /// Its instrument.
    pub instrument: Instrument,
    /// Its unit, in UCUM.
    pub unit: &'static str,
    /// What it tells, in a sentence.
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

    /// Requests by how they ended.
    pub const REQUESTS: Metric =
        metric("cachescope.requests", Counter, "{request}", "Requests by how they ended. Never sampled.");
    /// Requests that earlier processes counted.
    pub const REQUESTS_RESTORED: Metric = metric(
        "cachescope.requests.restored",
        UpDownCounter,
        "{request}",
        "Requests that earlier processes counted, by result; of caches that keep their metrics and were told to report it.",
    );
    /// What entries saved.
    pub const SAVED_TIME: Metric = metric(
        "cachescope.saved.time",
        Counter,
        "s",
        "Time that entries saved the requests they answered: what their loads had taken, less what caching took.",
    );
    /// Time a request took.
    pub const REQUEST_DURATION: Metric = metric(
        "cachescope.request.duration",
        Histogram,
        "s",
        "Time a request took. Of hits one in cachescope.hit.timing.interval is timed.",
    );
    /// One hit in so many has been timed.
    pub const HIT_TIMING_INTERVAL: Metric =
        metric("cachescope.hit.timing.interval", Gauge, "{request}", "One hit in so many has been timed, on average.");
    /// Time a store operation took.
    pub const OPERATION_DURATION: Metric = metric(
        "cachescope.operation.duration",
        Histogram,
        "s",
        "Time an operation on the store took. Look-ups are timed with the hits that are timed.",
    );
    /// Time a load took.
    pub const LOAD_DURATION: Metric =
        metric("cachescope.load.duration", Histogram, "s", "Time a run of the wrapped function took.");
    /// Loads running now.
    pub const LOAD_ACTIVE: Metric = metric("cachescope.load.active", UpDownCounter, "{load}", "Loads running now.");
    /// Time spent waiting for another request's load.
    pub const WAIT_DURATION: Metric =
        metric("cachescope.wait.duration", Histogram, "s", "Time a request spent waiting for another request's load.");
    /// Requests waiting now.
    pub const WAIT_ACTIVE: Metric = metric(
        "cachescope.wait.active",
        UpDownCounter,
        "{request}",
        "Requests waiting for another request's load now.",
    );
    /// Age of the oldest wait.
    pub const WAIT_LONGEST: Metric =
        metric("cachescope.wait.longest", Gauge, "s", "How long the oldest of the waiting requests has waited.");
    /// How far past its time an entry was.
    pub const STALE_AGE: Metric = metric(
        "cachescope.stale.age",
        Histogram,
        "s",
        "How far past its time an entry was when it was served, or when a load took its place.",
    );
    /// Entries that left the store.
    pub const EVICTIONS: Metric =
        metric("cachescope.evictions", Counter, "{eviction}", "Entries that left the store, by reason.");
    /// Loaded values that weren't stored.
    pub const REJECTIONS: Metric =
        metric("cachescope.rejections", Counter, "{entry}", "Loaded values that were not stored, by reason.");
    /// Operations on the shared store that failed.
    pub const STORE_ERRORS: Metric = metric(
        "cachescope.store.errors",
        Counter,
        "{error}",
        "Operations on the shared store that failed, by operation and error; of caches that have one.",
    );
    /// Entries dropped by their tag.
    pub const TAG_INVALIDATIONS: Metric = metric(
        "cachescope.tag.invalidations",
        Counter,
        "{entry}",
        "Entries dropped by their tag; of caches that were told to count them.",
    );
    /// Entries held.
    pub const ENTRY_COUNT: Metric =
        metric("cachescope.entry.count", UpDownCounter, "{entry}", "Entries the store holds.");
    /// The most entries.
    pub const ENTRY_LIMIT: Metric =
        metric("cachescope.entry.limit", UpDownCounter, "{entry}", "The most entries the store may hold.");
    /// Size of an entry that was stored.
    pub const ENTRY_SIZE: Metric = metric(
        "cachescope.entry.size",
        Histogram,
        "By",
        "Size of an entry when it was stored, as the cache's size function counts it.",
    );
    /// Bytes held.
    pub const SIZE_USAGE: Metric = metric(
        "cachescope.size.usage",
        UpDownCounter,
        "By",
        "Bytes the store holds, as its size function counts them.",
    );
    /// The most bytes.
    pub const SIZE_LIMIT: Metric =
        metric("cachescope.size.limit", UpDownCounter, "By", "The most bytes the store may hold.");

    /// The hit rate other capacities would give.
    pub const CURVE_HIT_RATIO: Metric = metric(
        "cachescope.curve.hit_ratio",
        Gauge,
        "1",
        "Hit rate that this multiple of the capacity would give, by simulation on a sample of keys; of caches that \
         have seen enough of them.",
    );

    /// Every metric there is.
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

/// Names of attributes, on metrics and spans alike.
pub mod attributes {
    /// The cache's name.
    pub const CACHE_NAME: &str = "cachescope.cache.name";
    /// The kind of store behind it.
    pub const STORE: &str = "cachescope.store";
    /// Which of a cache's stores, where it has more than one.
    pub const TIER: &str = "cachescope.tier";
    /// How a request ended.
    pub const RESULT: &str = "cachescope.result";
    /// Why a request found nothing fresh.
    pub const MISS_REASON: &str = "cachescope.miss.reason";
    /// So many times the present capacity.
    pub const CAPACITY_MULTIPLE: &str = "cachescope.capacity.multiple";
    /// What made the wrapped function run.
    pub const LOAD_TRIGGER: &str = "cachescope.load.trigger";
    /// How a wait ended.
    pub const WAIT_OUTCOME: &str = "cachescope.wait.outcome";
    /// Who was waited for: another request of this process, or of another one.
    pub const WAIT_SCOPE: &str = "cachescope.wait.scope";
    /// What became of an entry past its time.
    pub const STALE_EVENT: &str = "cachescope.stale.event";
    /// What was asked of the store.
    pub const OPERATION: &str = "cachescope.operation";
    /// Why an entry left.
    pub const EVICTION_REASON: &str = "cachescope.eviction.reason";
    /// Why a loaded value wasn't stored.
    pub const REJECTION_REASON: &str = "cachescope.rejection.reason";
    /// What entries were dropped by.
    pub const TAG: &str = "cachescope.tag";
    /// What went wrong: the error's type, or one of the values in [`super::error_types`].
    pub const ERROR_TYPE: &str = "error.type";
    /// How old the entry is that answered, in seconds. Spans only.
    pub const ENTRY_AGE: &str = "cachescope.entry.age";
    /// How long the request took, in seconds. Spans made after the fact only: it is for samplers.
    pub const REQUEST_ELAPSED: &str = "cachescope.request.elapsed";
    /// Whether the answer came out of the cache. Spans only; some back ends know this name.
    pub const CACHE_HIT: &str = "cache.hit";
    /// Cache requests within a trace's first span in a process. On such spans only, as the four that follow.
    pub const TRACE_REQUESTS: &str = "cachescope.trace.requests";
    /// Those of them that a cache answered.
    pub const TRACE_HITS: &str = "cachescope.trace.hits";
    /// Loads that they waited for.
    pub const TRACE_LOADS: &str = "cachescope.trace.loads";
    /// How long they were in loads, and waiting for those of others, in seconds.
    pub const TRACE_WAIT_TIME: &str = "cachescope.trace.wait.time";
    /// How much time entries saved them, in seconds.
    pub const TRACE_SAVED_TIME: &str = "cachescope.trace.saved.time";

    /// Every attribute there is.
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

/// Values of `error.type` that aren't the type of an error.
pub mod error_types {
    /// The wrapped function panicked.
    pub const PANIC: &str = "panic";
    /// The load's future was dropped.
    pub const CANCELLED: &str = "cancelled";
}

/// Names of spans; each is followed by a space and the cache's name.
pub mod spans {
    /// One request.
    pub const GET: &str = "cache.get";
    /// One run of the wrapped function.
    pub const LOAD: &str = "cache.load";

    /// Every span there is.
    pub const ALL: [&str; 2] = [GET, LOAD];
}

/// The name of the instrumentation scope of every metric and span.
pub const SCOPE: &str = "cachescope";
