//! A meter provider that runs callbacks and discards their observations.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::metrics::{
    AsyncInstrument, AsyncInstrumentBuilder, Callback, InstrumentProvider, Meter, MeterProvider, ObservableCounter,
    ObservableGauge, ObservableUpDownCounter,
};
use opentelemetry::{InstrumentationScope, KeyValue};

type Run = Box<dyn Fn() + Send + Sync>;

/// Runs callbacks and discards their observations. Clones share their callbacks.
#[derive(Clone, Default)]
pub(crate) struct CallbackRunner {
    callbacks: Arc<Mutex<Vec<Run>>>,
}

impl CallbackRunner {
    /// Runs each callback once, in the order of registration, as the SDK does.
    pub(crate) fn collect(&self) {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|run| run());
    }

    fn register<T: 'static>(&self, callbacks: Vec<Callback<T>>) {
        let runs = callbacks.into_iter().map(|callback| Box::new(move || callback(&DiscardObserver)) as Run);
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).extend(runs);
    }
}

impl MeterProvider for CallbackRunner {
    fn meter_with_scope(&self, _: InstrumentationScope) -> Meter {
        Meter::new(Arc::new(self.clone()))
    }
}

impl InstrumentProvider for CallbackRunner {
    fn u64_observable_counter(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableCounter<u64>, u64>,
    ) -> ObservableCounter<u64> {
        self.register(builder.callbacks);
        ObservableCounter::new()
    }

    fn i64_observable_up_down_counter(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableUpDownCounter<i64>, i64>,
    ) -> ObservableUpDownCounter<i64> {
        self.register(builder.callbacks);
        ObservableUpDownCounter::new()
    }

    fn f64_observable_gauge(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableGauge<f64>, f64>,
    ) -> ObservableGauge<f64> {
        self.register(builder.callbacks);
        ObservableGauge::new()
    }
}

struct DiscardObserver;

impl<T> AsyncInstrument<T> for DiscardObserver {
    fn observe(&self, measurement: T, attributes: &[KeyValue]) {
        std::hint::black_box((measurement, attributes));
    }
}
