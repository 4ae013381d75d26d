//! The OpenTelemetry providers of caches and database clients.

use std::fmt;
use std::sync::{Arc, LazyLock};

use opentelemetry::global::{self, BoxedTracer, ObjectSafeTracerProvider};
use opentelemetry::metrics::MeterProvider;

use crate::collection::cache_registry::CacheRegistry;
use crate::collection::instruments::Instruments;
use crate::db_client::instruments::{OperationInstruments, PoolInstruments};
use crate::db_client::pools::Pools;
use crate::per_provider::{PerProvider, SharedMeterProvider, scope};

static GLOBAL: LazyLock<Telemetry> = LazyLock::new(|| Telemetry::with(Providers::Global));

/// The destination of telemetry: OpenTelemetry's global providers, or given ones. Cheap to clone.
///
/// The global providers are looked up when a cache is used, not when it is built, and again after they were replaced.
/// So the order of setting up the SDK and building caches doesn't matter. Caches of the same name are reported as one
/// if they share a `Telemetry`, so create one per pair of providers.
///
/// Don't build a cache inside a callback of an observable instrument: the SDK deadlocks if instruments are created
/// there.
///
/// ```
/// use cachescope_telemetry::Telemetry;
/// use opentelemetry::metrics::noop::NoopMeterProvider;
/// use opentelemetry::trace::noop::NoopTracerProvider;
///
/// let silent = Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new());
/// ```
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    providers: Providers,
    registry: Arc<CacheRegistry>,
    instruments: PerProvider<Instruments>,
    /// The instruments of database clients and of their pools. Separate, so that the SDK allocates nothing for them if
    /// there are none.
    operation_instruments: PerProvider<OperationInstruments>,
    pools: Arc<Pools>,
    pool_instruments: PerProvider<PoolInstruments>,
}

enum Providers {
    Global,
    Given { meters: Arc<dyn MeterProvider + Send + Sync>, traces: Box<dyn ObjectSafeTracerProvider + Send + Sync> },
}

impl Telemetry {
    /// Returns the telemetry that uses OpenTelemetry's global providers.
    #[must_use]
    pub fn global() -> Self {
        GLOBAL.clone()
    }

    /// Creates telemetry that uses these providers instead of the global ones.
    #[must_use]
    pub fn new(
        meters: impl MeterProvider + Send + Sync + 'static,
        traces: impl ObjectSafeTracerProvider + Send + Sync + 'static,
    ) -> Self {
        Self::with(Providers::Given { meters: Arc::new(meters), traces: Box::new(traces) })
    }

    fn with(providers: Providers) -> Self {
        Self(Arc::new(Inner {
            providers,
            registry: Arc::new(CacheRegistry::default()),
            instruments: PerProvider::default(),
            operation_instruments: PerProvider::default(),
            pools: Arc::default(),
            pool_instruments: PerProvider::default(),
        }))
    }

    /// Returns a tracer of the current provider. Costs a lock and two allocations for the global provider.
    #[must_use]
    pub fn tracer(&self) -> BoxedTracer {
        match &self.0.providers {
            Providers::Global => global::tracer_with_scope(scope()),
            Providers::Given { traces, .. } => BoxedTracer::new(traces.boxed_tracer(scope())),
        }
    }

    pub(crate) fn registry(&self) -> &CacheRegistry {
        &self.0.registry
    }

    /// Returns the instruments of caches, of the current meter provider.
    pub(crate) fn instruments(&self) -> Arc<Instruments> {
        self.0.instruments.get_or_make(self.meters(), |provider| Instruments::new(provider, &self.0.registry))
    }

    /// Returns the instruments of database clients, of the current meter provider.
    pub(crate) fn operation_instruments(&self) -> Arc<OperationInstruments> {
        self.0
            .operation_instruments
            .get_or_make(self.meters(), |provider| OperationInstruments::new(&provider.meter_with_scope(scope())))
    }

    /// Returns the instruments of connection pools, of the current meter provider.
    pub(crate) fn pool_instruments(&self) -> Arc<PoolInstruments> {
        let make =
            |provider: &SharedMeterProvider| PoolInstruments::new(&provider.meter_with_scope(scope()), &self.0.pools);
        self.0.pool_instruments.get_or_make(self.meters(), make)
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.0.pools
    }

    fn meters(&self) -> SharedMeterProvider {
        match &self.0.providers {
            Providers::Global => global::meter_provider(),
            Providers::Given { meters, .. } => Arc::clone(meters),
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::global()
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let providers = match self.0.providers {
            Providers::Global => "global",
            Providers::Given { .. } => "given",
        };
        f.debug_struct("Telemetry").field("providers", &providers).field("registry", &self.0.registry).finish()
    }
}
