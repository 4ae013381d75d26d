//! How OpenTelemetry sees a cache: names, attribute sets, instruments, and which providers they go to.

mod attributes;
mod group;
mod instruments;
mod made;
pub mod names;
mod registry;
mod round;

use std::fmt;
use std::sync::{Arc, LazyLock, Weak};

use opentelemetry::InstrumentationScope;
use opentelemetry::global::{self, BoxedTracer, ObjectSafeTracerProvider};
use opentelemetry::metrics::MeterProvider;

pub use self::attributes::{Identity, Labels};
pub use self::registry::{CAPACITY_MULTIPLES, Registration, Source};

pub(crate) use self::attributes::{AttributeSets, Kind};
pub(crate) use self::group::unless_it_panics;
pub(crate) use self::instruments::{Instruments, histogram};
use self::made::{Made, Provider};
use self::registry::Registry;
use crate::client::{OperationInstruments, PoolInstruments, Pools};
use crate::recorder::Recorder;

static GLOBAL: LazyLock<Telemetry> = LazyLock::new(|| Telemetry::with(Providers::Global));

/// Where the telemetry of caches goes: OpenTelemetry's global providers, or given ones. Cheap to clone.
///
/// The global providers are looked up when a cache works, not when it is built, and again when they have
/// been replaced; so the order of setting up the SDK and building caches doesn't matter. Caches that
/// share a name report as one if they share a `Telemetry`, so make one per pair of providers.
///
/// Don't build a cache inside a callback of an observable instrument: the SDK deadlocks when instruments are
/// made there.
///
/// ```
/// use cachescope_core::Telemetry;
/// use opentelemetry::metrics::noop::NoopMeterProvider;
/// use opentelemetry::trace::noop::NoopTracerProvider;
///
/// let silent = Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new());
/// ```
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    providers: Providers,
    registry: Arc<Registry>,
    instruments: Made<Instruments>,
    /// The instruments of database clients and of their pools: where there are none, the SDK holds no room for them.
    operations: Made<OperationInstruments>,
    pools: Arc<Pools>,
    of_pools: Made<PoolInstruments>,
}

enum Providers {
    Global,
    Given { meters: Arc<dyn MeterProvider + Send + Sync>, traces: Box<dyn ObjectSafeTracerProvider + Send + Sync> },
}

impl Telemetry {
    /// OpenTelemetry's global providers.
    #[must_use]
    pub fn global() -> Self {
        GLOBAL.clone()
    }

    /// These providers, whatever the global ones are.
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
            registry: Arc::new(Registry::default()),
            instruments: Made::default(),
            operations: Made::default(),
            pools: Arc::default(),
            of_pools: Made::default(),
        }))
    }

    /// A tracer of the present provider. Costs a lock and two allocations on the global one.
    #[must_use]
    pub fn tracer(&self) -> BoxedTracer {
        match &self.0.providers {
            Providers::Global => global::tracer_with_scope(scope()),
            Providers::Given { traces, .. } => BoxedTracer::new(traces.boxed_tracer(scope())),
        }
    }

    /// Makes a cache's numbers part of what is collected, until the registration is dropped.
    #[must_use]
    pub fn register(&self, recorder: &Arc<Recorder>, source: Weak<dyn Source>) -> Registration {
        let registration = self.0.registry.register(recorder, source);
        self.instruments();
        registration
    }

    /// The instruments of the present meter provider: an instrument made earlier than its provider would
    /// stay without effect for ever.
    pub(crate) fn instruments(&self) -> Arc<Instruments> {
        self.0.instruments.of(self.meters(), |provider| Instruments::new(provider, &self.0.registry))
    }

    /// The same of database clients.
    pub(crate) fn operation_instruments(&self) -> Arc<OperationInstruments> {
        self.0.operations.of(self.meters(), |provider| OperationInstruments::new(&provider.meter_with_scope(scope())))
    }

    /// The same of their pools.
    pub(crate) fn pool_instruments(&self) -> Arc<PoolInstruments> {
        let make = |provider: &Provider| PoolInstruments::new(&provider.meter_with_scope(scope()), &self.0.pools);
        self.0.of_pools.of(self.meters(), make)
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.0.pools
    }

    fn meters(&self) -> Provider {
        match &self.0.providers {
            Providers::Global => global::meter_provider(),
            Providers::Given { meters, .. } => Arc::clone(meters),
        }
    }
}

/// Who speaks, in every metric and span.
fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(names::SCOPE).with_version(env!("CARGO_PKG_VERSION")).build()
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
