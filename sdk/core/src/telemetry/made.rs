//! What is made once a meter provider, and again when another takes its place.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use opentelemetry::metrics::MeterProvider;

pub(crate) type Provider = Arc<dyn MeterProvider + Send + Sync>;

/// Instruments of the present provider: one made earlier than its provider would stay without effect for ever.
pub(crate) struct Made<T> {
    present: ArcSwapOption<Of<T>>,
    /// Held while instruments are made, so that each provider gets them once.
    making: Mutex<()>,
}

struct Of<T> {
    /// Held so that its address stays taken while we compare addresses with it.
    provider: Provider,
    made: Arc<T>,
}

impl<T> Made<T> {
    /// Those of `provider`, made if they aren't yet.
    pub(crate) fn of(&self, provider: Provider, make: impl FnOnce(&Provider) -> T) -> Arc<T> {
        if let Some(made) = self.present(&provider) {
            return made;
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        self.present(&provider).unwrap_or_else(|| {
            let made = Arc::new(make(&provider));
            self.present.store(Some(Arc::new(Of { provider, made: Arc::clone(&made) })));
            made
        })
    }

    fn present(&self, provider: &Provider) -> Option<Arc<T>> {
        let present = self.present.load();
        present.as_ref().filter(|of| Arc::ptr_eq(&of.provider, provider)).map(|of| Arc::clone(&of.made))
    }
}

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self { present: ArcSwapOption::empty(), making: Mutex::new(()) }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::noop::NoopMeterProvider;

    use super::*;

    #[test]
    fn a_provider_gets_its_instruments_once_and_the_next_one_gets_others() {
        let made = Made::default();
        let providers: [Provider; 2] = [(); 2].map(|()| Arc::new(NoMeters::default()) as Provider);
        let of = |provider: usize, name| *made.of(Arc::clone(&providers[provider]), |_| name);
        assert_eq!(
            [of(0, "first"), of(0, "again"), of(1, "second"), of(1, "again")],
            ["first", "first", "second", "second"]
        );
    }

    /// One that has an address, which a value without size hasn't.
    #[derive(Default)]
    struct NoMeters(NoopMeterProvider, #[expect(dead_code, reason = "takes room")] u8);

    impl MeterProvider for NoMeters {
        fn meter_with_scope(&self, scope: opentelemetry::InstrumentationScope) -> opentelemetry::metrics::Meter {
            self.0.meter_with_scope(scope)
        }
    }
}
