//! The instruments of caches, of one meter provider.

use std::sync::Arc;

use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter};

use super::cache_registry::CacheRegistry;
use super::collection_passes::{CallbackHandle, CollectionPasses};
use super::group_snapshot::GroupSnapshot;
use crate::instrument_builder::histogram;
use crate::names::{Metric, metrics};
use crate::per_provider::{SharedMeterProvider, scope};

/// From a look-up in memory to a load that triggers an alert: 1 µs to 10 s, in seconds.
const DURATION_BOUNDARIES: [f64; 22] = [
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

/// From a few numbers to values that no cache should hold many of: 64 B to 64 MiB, in bytes.
const SIZE_BOUNDARIES: [f64; 11] = {
    const KIB: f64 = 1024.0;
    const MIB: f64 = KIB * KIB;
    [64.0, 256.0, KIB, 4.0 * KIB, 16.0 * KIB, 64.0 * KIB, 256.0 * KIB, MIB, 4.0 * MIB, 16.0 * MIB, 64.0 * MIB]
};

/// The instruments that are recorded as events happen. All others are observed from the registry during a collection.
pub(crate) struct Instruments {
    pub(crate) request_duration: Histogram<f64>,
    pub(crate) operation_duration: Histogram<f64>,
    pub(crate) load_duration: Histogram<f64>,
    pub(crate) wait_duration: Histogram<f64>,
    pub(crate) stale_age: Histogram<f64>,
    pub(crate) entry_size: Histogram<f64>,
    pub(crate) tag_invalidations: Counter<u64>,
}

impl Instruments {
    pub(crate) fn new(provider: &SharedMeterProvider, registry: &Arc<CacheRegistry>) -> Self {
        let meter = provider.meter_with_scope(scope());
        let passes = CollectionPasses::new(registry);
        observe_counters(&meter, &passes);
        observe_gauges(&meter, &passes);
        Self {
            request_duration: histogram(&meter, metrics::REQUEST_DURATION, &DURATION_BOUNDARIES),
            operation_duration: histogram(&meter, metrics::OPERATION_DURATION, &DURATION_BOUNDARIES),
            load_duration: histogram(&meter, metrics::LOAD_DURATION, &DURATION_BOUNDARIES),
            wait_duration: histogram(&meter, metrics::WAIT_DURATION, &DURATION_BOUNDARIES),
            stale_age: histogram(&meter, metrics::STALE_AGE, &DURATION_BOUNDARIES),
            entry_size: histogram(&meter, metrics::ENTRY_SIZE, &SIZE_BOUNDARIES),
            tag_invalidations: meter
                .u64_counter(metrics::TAG_INVALIDATIONS.name)
                .with_unit(metrics::TAG_INVALIDATIONS.unit)
                .with_description(metrics::TAG_INVALIDATIONS.brief)
                .build(),
        }
    }
}

fn observe_counters(meter: &Meter, passes: &Arc<CollectionPasses>) {
    let counter = |metric: Metric, observe: fn(&GroupSnapshot, &dyn AsyncInstrument<u64>)| {
        let handle = passes.handle();
        meter
            .u64_observable_counter(metric.name)
            .with_unit(metric.unit)
            .with_description(metric.brief)
            .with_callback(move |observer| handle.groups().iter().for_each(|group| observe(group, observer)))
            .build();
    };
    counter(metrics::REQUESTS, |group, observer| {
        group.outcomes().for_each(|(count, attributes)| observer.observe(count, attributes));
    });
    counter(metrics::EVICTIONS, |group, observer| {
        group.evictions().for_each(|(count, attributes)| observer.observe(count, attributes));
    });
    counter(metrics::REJECTIONS, |group, observer| {
        group.rejections().for_each(|(count, attributes)| observer.observe(count, attributes));
    });
    counter(metrics::STORE_ERRORS, |group, observer| {
        group.store_errors().for_each(|(count, attributes)| observer.observe(count, attributes));
    });
    meter
        .f64_observable_counter(metrics::SAVED_TIME.name)
        .with_unit(metrics::SAVED_TIME.unit)
        .with_description(metrics::SAVED_TIME.brief)
        .with_callback(one_per_group(passes.handle(), |group| Some(group.saved().as_secs_f64())))
        .build();
}

fn observe_gauges(meter: &Meter, passes: &Arc<CollectionPasses>) {
    let handle = passes.handle();
    up_down_counter(meter, metrics::REQUESTS_RESTORED, move |observer| {
        for group in &*handle.groups() {
            group.restored().for_each(|(count, attributes)| observer.observe(signed(count), attributes));
        }
    });
    let gauge_of = |metric, read: fn(&GroupSnapshot) -> Option<u64>| {
        up_down_counter(meter, metric, one_per_group(passes.handle(), move |group| read(group).map(signed)));
    };
    gauge_of(metrics::LOAD_ACTIVE, |group| Some(group.loads_active));
    gauge_of(metrics::WAIT_ACTIVE, |group| Some(group.waits_active));
    gauge_of(metrics::ENTRY_COUNT, |group| group.usage.map(|usage| usage.entries));
    gauge_of(metrics::ENTRY_LIMIT, |group| group.usage?.entry_limit);
    gauge_of(metrics::SIZE_USAGE, |group| group.usage?.bytes);
    gauge_of(metrics::SIZE_LIMIT, |group| group.usage?.byte_limit);

    let gauge = |metric: Metric, read: fn(&GroupSnapshot) -> Option<f64>| {
        meter
            .f64_observable_gauge(metric.name)
            .with_unit(metric.unit)
            .with_description(metric.brief)
            .with_callback(one_per_group(passes.handle(), read))
            .build();
    };
    let handle = passes.handle();
    meter
        .f64_observable_gauge(metrics::CURVE_HIT_RATIO.name)
        .with_unit(metrics::CURVE_HIT_RATIO.unit)
        .with_description(metrics::CURVE_HIT_RATIO.brief)
        .with_callback(move |observer| {
            for group in &*handle.groups() {
                group.curve().for_each(|(hit_rate, attributes)| observer.observe(hit_rate, attributes));
            }
        })
        .build();
    gauge(metrics::WAIT_LONGEST, |group| group.longest_wait.map(|wait| wait.as_secs_f64()));
    gauge(metrics::HIT_TIMING_INTERVAL, |group| Some(group.hit_timing_interval()));
}

fn up_down_counter(meter: &Meter, metric: Metric, observe: impl Fn(&dyn AsyncInstrument<i64>) + Send + Sync + 'static) {
    meter
        .i64_observable_up_down_counter(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.brief)
        .with_callback(observe)
        .build();
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Observes a value of each group that has it.
fn one_per_group<T>(
    handle: CallbackHandle,
    read: impl Fn(&GroupSnapshot) -> Option<T> + Send + Sync,
) -> impl Fn(&dyn AsyncInstrument<T>) + Send + Sync {
    move |observer| {
        for group in &*handle.groups() {
            if let Some(value) = read(group) {
                observer.observe(value, group.attributes());
            }
        }
    }
}
