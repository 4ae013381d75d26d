//! The same data points, observed by the SDK without any cache.

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::discard::Shape;

/// Registers callbacks that observe each series of `shapes` with the value 1.
pub(crate) fn observe(meters: &SdkMeterProvider, shapes: &[Shape]) {
    let meter = meters.meter("cachescope");
    for Shape { name, is_gauge, sets } in shapes.iter().cloned() {
        if is_gauge {
            let observe = meter.f64_observable_gauge(name);
            observe.with_callback(move |observer| sets.iter().for_each(|set| observer.observe(1.0, set))).build();
        } else {
            let observe = meter.u64_observable_counter(name);
            observe.with_callback(move |observer| sets.iter().for_each(|set| observer.observe(1, set))).build();
        }
    }
}
