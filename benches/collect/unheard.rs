//! A meter provider that runs callbacks and keeps nothing of what they observe.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::metrics::{
    AsyncInstrument, AsyncInstrumentBuilder, Callback, InstrumentProvider, Meter, MeterProvider, ObservableCounter,
    ObservableGauge, ObservableUpDownCounter,
};
use opentelemetry::{InstrumentationScope, KeyValue};

type Run = Box<dyn Fn() + Send + Sync>;

/// Clones share their callbacks.
#[derive(Clone, Default)]
pub(crate) struct Unheard {
    callbacks: Arc<Mutex<Vec<Run>>>,
}

impl Unheard {
    /// Runs every callback once, in the order they were made, as the SDK does.
    pub(crate) fn collect(&self) {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|run| run());
    }

    fn keep<T: 'static>(&self, callbacks: Vec<Callback<T>>) {
        let runs = callbacks.into_iter().map(|callback| Box::new(move || callback(&Nothing)) as Run);
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner).extend(runs);
    }
}

impl MeterProvider for Unheard {
    fn meter_with_scope(&self, _: InstrumentationScope) -> Meter {
        Meter::new(Arc::new(self.clone()))
    }
}

impl InstrumentProvider for Unheard {
    fn u64_observable_counter(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableCounter<u64>, u64>,
    ) -> ObservableCounter<u64> {
        self.keep(builder.callbacks);
        ObservableCounter::new()
    }

    fn i64_observable_up_down_counter(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableUpDownCounter<i64>, i64>,
    ) -> ObservableUpDownCounter<i64> {
        self.keep(builder.callbacks);
        ObservableUpDownCounter::new()
    }

    fn f64_observable_gauge(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableGauge<f64>, f64>,
    ) -> ObservableGauge<f64> {
        self.keep(builder.callbacks);
        ObservableGauge::new()
    }
}

struct Nothing;

impl<T> AsyncInstrument<T> for Nothing {
    fn observe(&self, measurement: T, attributes: &[KeyValue]) {
        std::hint::black_box((measurement, attributes));
    }
}
