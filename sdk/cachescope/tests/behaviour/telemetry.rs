//! The calls that an SDK may make while telemetry is recorded.

use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cachescope::{Cached, Telemetry, cached};
use futures_util::FutureExt;
use opentelemetry::metrics::{Histogram, HistogramBuilder, InstrumentProvider, Meter, MeterProvider, SyncInstrument};
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};

/// An SDK that reads a cache's stats whenever a duration is recorded, as an SDK that collects at that moment may.
#[derive(Clone, Default)]
struct Asking(Arc<OnceLock<Cached<u64, u64>>>);

impl MeterProvider for Asking {
    fn meter_with_scope(&self, _: InstrumentationScope) -> Meter {
        Meter::new(Arc::new(self.clone()))
    }
}

impl InstrumentProvider for Asking {
    fn f64_histogram(&self, _: HistogramBuilder<'_, Histogram<f64>>) -> Histogram<f64> {
        Histogram::new(Arc::new(self.clone()))
    }
}

impl SyncInstrument<f64> for Asking {
    fn measure(&self, _: f64, _: &[KeyValue]) {
        if let Some(cache) = self.0.get() {
            assert_eq!(cache.metrics().stats().longest_wait(), Duration::ZERO);
        }
    }
}

#[test]
fn telemetry_is_recorded_outside_locks_that_collection_needs() {
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        let asking = Asking::default();
        let telemetry = Telemetry::new(asking.clone(), NoopTracerProvider::new());
        let cache = cached("telemetry.asking", |n: u64| async move { n }).telemetry(telemetry).build();
        asking.0.set(cache.clone()).expect("set once");
        cache.call(1).now_or_never();
        cache.call(1).now_or_never();
        cache.request(1).overwrite().into_future().now_or_never();
        cache.insert(2, 2);
        cache.invalidate(&1);
        cache.clear();
        done.send(cache.metrics().stats().requests())
    });
    // A lock taken twice by one thread is never released: the deadline only bounds a failure.
    assert_eq!(is_done.recv_timeout(Duration::from_secs(20)), Ok(3));
}
