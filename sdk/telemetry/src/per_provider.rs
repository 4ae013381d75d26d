//! Values that are created once per meter provider, and again when another provider replaces it.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::MeterProvider;

use crate::names;

pub(crate) type SharedMeterProvider = Arc<dyn MeterProvider + Send + Sync>;

/// The instruments of the current provider. An instrument that was created before its provider would never have an
/// effect.
pub(crate) struct PerProvider<T> {
    current: ArcSwapOption<Current<T>>,
    /// Held while instruments are created, so that each provider gets them once.
    making: Mutex<()>,
}

struct Current<T> {
    /// Held so that no other provider gets its address while addresses are compared.
    provider: SharedMeterProvider,
    value: Arc<T>,
}

impl<T> PerProvider<T> {
    /// Returns the value of `provider`, and creates it with `make` if there is none.
    pub(crate) fn get_or_make(
        &self,
        provider: SharedMeterProvider,
        make: impl FnOnce(&SharedMeterProvider) -> T,
    ) -> Arc<T> {
        if let Some(value) = self.current(&provider) {
            return value;
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        self.current(&provider).unwrap_or_else(|| {
            let value = Arc::new(make(&provider));
            self.current.store(Some(Arc::new(Current { provider, value: Arc::clone(&value) })));
            value
        })
    }

    fn current(&self, provider: &SharedMeterProvider) -> Option<Arc<T>> {
        let current = self.current.load();
        current
            .as_ref()
            .filter(|current| Arc::ptr_eq(&current.provider, provider))
            .map(|current| Arc::clone(&current.value))
    }
}

impl<T> Default for PerProvider<T> {
    fn default() -> Self {
        Self { current: ArcSwapOption::empty(), making: Mutex::new(()) }
    }
}

/// Returns the instrumentation scope of every metric and span.
pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(names::SCOPE).with_version(env!("CARGO_PKG_VERSION")).build()
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::noop::NoopMeterProvider;

    use super::*;

    #[test]
    fn each_provider_gets_its_own_instruments_once() {
        let made = PerProvider::default();
        let providers: [SharedMeterProvider; 2] =
            [(); 2].map(|()| Arc::new(NoMeters::default()) as SharedMeterProvider);
        let of = |provider: usize, name| *made.get_or_make(Arc::clone(&providers[provider]), |_| name);
        assert_eq!(
            [of(0, "first"), of(0, "again"), of(1, "second"), of(1, "again")],
            ["first", "first", "second", "second"]
        );
    }

    /// A provider with a size, so that each has its own address.
    #[derive(Default)]
    struct NoMeters(NoopMeterProvider, #[expect(dead_code, reason = "gives the type a size")] u8);

    impl MeterProvider for NoMeters {
        fn meter_with_scope(&self, scope: opentelemetry::InstrumentationScope) -> opentelemetry::metrics::Meter {
            self.0.meter_with_scope(scope)
        }
    }
}
