//! The instruments of database clients and their pools, of one meter provider.

use std::sync::{Arc, Weak};

use opentelemetry::metrics::{AsyncInstrument, Histogram, Meter};

use super::names::metrics;
use super::pools::{PoolGroup, PoolLevels, Pools};
use crate::instrument_builder::histogram;
use crate::names::Metric;

/// The boundaries that the conventions recommend for operations: 1 ms to 10 s, in seconds. They recommend none for the
/// times of pools.
const DURATION_BOUNDARIES: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// The instruments of operations.
pub(crate) struct OperationInstruments {
    pub(crate) duration: Histogram<f64>,
}

impl OperationInstruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self { duration: histogram(meter, metrics::OPERATION_DURATION, &DURATION_BOUNDARIES) }
    }
}

/// The instruments of pools. Times are recorded as they happen. All others are observed during a collection, so they
/// are right for any provider.
pub(crate) struct PoolInstruments {
    pub(crate) create_time: Histogram<f64>,
    pub(crate) wait_time: Histogram<f64>,
    pub(crate) use_time: Histogram<f64>,
}

impl PoolInstruments {
    pub(crate) fn new(meter: &Meter, pools: &Arc<Pools>) -> Self {
        observe(meter, pools);
        Self {
            create_time: histogram(meter, metrics::CONNECTION_CREATE_TIME, &DURATION_BOUNDARIES),
            wait_time: histogram(meter, metrics::CONNECTION_WAIT_TIME, &DURATION_BOUNDARIES),
            use_time: histogram(meter, metrics::CONNECTION_USE_TIME, &DURATION_BOUNDARIES),
        }
    }
}

fn observe(meter: &Meter, pools: &Arc<Pools>) {
    let up_down_counter = |metric: Metric, observe: fn(&PoolGroup, &dyn AsyncInstrument<i64>)| {
        meter
            .i64_observable_up_down_counter(metric.name)
            .with_unit(metric.unit)
            .with_description(metric.brief)
            .with_callback(for_each_group(pools, observe))
            .build();
    };
    up_down_counter(metrics::CONNECTION_COUNT, |pools, observer| {
        if let Some(levels) = pools.levels() {
            observer.observe(signed(levels.idle), &pools.attributes.idle);
            observer.observe(signed(levels.used), &pools.attributes.used);
        }
    });
    up_down_counter(metrics::CONNECTION_MAX, |pools, observer| limit(pools, observer, |levels| levels.max));
    up_down_counter(metrics::CONNECTION_IDLE_MAX, |pools, observer| limit(pools, observer, |levels| levels.idle_max));
    up_down_counter(metrics::CONNECTION_IDLE_MIN, |pools, observer| limit(pools, observer, |levels| levels.idle_min));
    up_down_counter(metrics::CONNECTION_PENDING_REQUESTS, |pools, observer| {
        observer.observe(signed(pools.pending()), &pools.attributes.base);
    });
    meter
        .u64_observable_counter(metrics::CONNECTION_TIMEOUTS.name)
        .with_unit(metrics::CONNECTION_TIMEOUTS.unit)
        .with_description(metrics::CONNECTION_TIMEOUTS.brief)
        .with_callback(for_each_group(pools, |pools, observer| {
            observer.observe(pools.timeouts(), &pools.attributes.base)
        }))
        .build();
}

/// Observes a value of the pools of each name. Keeps no pool alive, because the SDK keeps its callbacks forever.
fn for_each_group<T: 'static>(
    pools: &Arc<Pools>,
    observe: fn(&PoolGroup, &dyn AsyncInstrument<T>),
) -> impl Fn(&dyn AsyncInstrument<T>) + Send + Sync + 'static {
    let pools: Weak<Pools> = Arc::downgrade(pools);
    move |observer| {
        let pools = pools.upgrade().map(|pools| pools.all()).unwrap_or_default();
        pools.iter().for_each(|group| observe(group, observer));
    }
}

fn limit(pools: &PoolGroup, observer: &dyn AsyncInstrument<i64>, read: fn(PoolLevels) -> Option<u64>) {
    if let Some(limit) = pools.levels().and_then(read) {
        observer.observe(signed(limit), &pools.attributes.base);
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
