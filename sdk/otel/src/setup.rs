//! The set-up of providers, exporters, propagators and samplers.

use std::fmt;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::{KeyValue, Value, global};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, ShouldSample, SpanProcessor};

use crate::destination::{AddToMeters, AddToTracers, Deliveries, Destinations, Selection};
use crate::environment::Environment;
use crate::shutdown::ShutDownFlag;
use crate::view::{View, with_views};
use crate::{DEFAULT_MAX_CACHES, Error, Guard, MetricExporter, SamplingRules, TraceExporter, TraceSummaryProcessor};
use crate::{exporter, propagation, resource, sampling};

/// The default deadline: long enough for a collector nearby, short enough for an exit, with a quarter of a second more.
const DEADLINE: Duration = Duration::from_secs(3);

/// Sets up traces and metrics from the environment: [`Setup::from_env`]`().init()`.
///
/// Call it once, early in `main`: instruments and tracers that your code created from the global providers earlier
/// have no effect. Caches may be built before or after. A second call replaces the global providers.
///
/// # Errors
///
/// As for [`Setup::init`].
///
/// ```no_run
/// let _guard = cachescope_otel::init()?;
/// # Ok::<(), cachescope_otel::Error>(())
/// ```
pub fn init() -> Result<Guard, Error> {
    Setup::from_env().init()
}

/// Configures traces and metrics from the environment, with defaults set in code.
///
/// **A variable that is set overrides code**, because the operator of a program knows its surroundings better than its
/// author. Values are read in any case. Empty values count as unset. A wrong value is an error, rather than a default
/// that stays unnoticed.
///
/// | variable | values |
/// |---|---|
/// | `OTEL_SDK_DISABLED` | `true` turns traces and metrics off |
/// | `OTEL_TRACES_EXPORTER` | `otlp` (default), `console`, both, or `none` |
/// | `OTEL_METRICS_EXPORTER` | `otlp` (default), `prometheus`, `console`, `cloudwatch`, `emf`, `statsd`, several of these, or `none` |
/// | `OTEL_PROPAGATORS` | `tracecontext`, `baggage` (default both), `none` |
/// | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | a name; `key=value` pairs separated by commas, percent-encoded |
/// | `OTEL_TRACES_SAMPLER` | `parentbased_always_on` (default), `always_on`, `always_off`, `traceidratio`, `parentbased_always_off`, `parentbased_traceidratio` |
/// | `OTEL_TRACES_SAMPLER_ARG` | the ratio for `traceidratio` samplers, 0.0 to 1.0 (default) |
/// | `CACHESCOPE_TRACES_SAMPLER_RULES` | sampling rates of a cache's spans, such as `hit=0.01,error=1,slow>10ms=1` ([`SamplingRules`]); applied around the other sampler |
/// | `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_METRIC_EXPORT_TIMEOUT` | milliseconds; 60000, 30000 |
/// | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_EXPORT_TIMEOUT` | milliseconds; 5000, 30000 |
/// | `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | spans; 2048, 512 |
/// | `OTEL_EXPORTER_OTLP_*` | the endpoint and protocol of `otlp` |
/// | `OTEL_EXPORTER_PROMETHEUS_HOST`, `_PORT` | the address of `prometheus`; `localhost`, 9464 |
/// | `CACHESCOPE_PROMETHEUS_*`, `_CLOUDWATCH_*`, `_STATSD_*`, `_CONSOLE_*` | further settings of these exporters, listed by their crates |
///
/// The default exporter is `otlp` if it is compiled in. Otherwise, for metrics, it is `prometheus` if that is compiled
/// in, else none. The SDK itself reads the `OTEL_SPAN_*_COUNT_LIMIT` variables. Other variables of the specification
/// are not supported: if any is set, set-up logs one warning with their names.
///
/// ```no_run
/// use cachescope_otel::{MetricExporter, Setup};
///
/// let _guard = Setup::from_env()
///     .service_name("shop")
///     .metric_exporters([MetricExporter::Prometheus])
///     .default_variable("OTEL_TRACES_SAMPLER", "parentbased_always_off")
///     .init()?;
/// # Ok::<(), cachescope_otel::Error>(())
/// ```
#[must_use = "nothing is set up before `init`"]
pub struct Setup {
    environment: Environment,
    service_name: Option<String>,
    attributes: Vec<KeyValue>,
    trace_exporters: Option<Vec<TraceExporter>>,
    metric_exporters: Option<Vec<MetricExporter>>,
    sampler: Option<Box<dyn ShouldSample>>,
    sampling_rules: Option<SamplingRules>,
    #[cfg(feature = "signals")]
    signals: Vec<crate::Signal>,
    to_tracers: Vec<AddToTracers>,
    to_meters: Vec<AddToMeters>,
    views: Vec<View>,
    max_caches: usize,
    globals: bool,
    #[cfg(feature = "prometheus")]
    serve: bool,
    deadline: Duration,
}

impl Setup {
    /// Creates a setup that reads the process's environment.
    pub fn from_env() -> Self {
        Self::new(Environment::process())
    }

    /// Creates a setup that reads variables through `lookup`, for tests and for configuration from other sources.
    ///
    /// The process's environment isn't read, except by the SDK and by HTTP clients themselves.
    ///
    /// ```
    /// let guard = cachescope_otel::Setup::from_lookup(|name| match name {
    ///     "OTEL_TRACES_EXPORTER" | "OTEL_METRICS_EXPORTER" => Some("none".to_owned()),
    ///     _ => None,
    /// })
    /// .install_globals(false)
    /// .init()?;
    /// # drop(guard);
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::new(Environment::new(lookup))
    }

    fn new(environment: Environment) -> Self {
        Self {
            environment,
            service_name: None,
            attributes: Vec::new(),
            trace_exporters: None,
            metric_exporters: None,
            sampler: None,
            sampling_rules: None,
            #[cfg(feature = "signals")]
            signals: Vec::new(),
            to_tracers: Vec::new(),
            to_meters: Vec::new(),
            views: Vec::new(),
            max_caches: DEFAULT_MAX_CACHES,
            globals: true,
            #[cfg(feature = "prometheus")]
            serve: true,
            deadline: DEADLINE,
        }
    }

    /// Sets the default of a variable, such as an endpoint or a protocol. The environment overrides it.
    pub fn default_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.set_default(name.into(), value.into());
        self
    }

    /// Sets the service name. `OTEL_SERVICE_NAME` and a `service.name` in `OTEL_RESOURCE_ATTRIBUTES` override it.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// Adds an attribute to the resource. The same attribute in `OTEL_RESOURCE_ATTRIBUTES` overrides it.
    ///
    /// Defaults: `service.instance.id` is a random UUID. `host.name`, `host.arch`, `os.type`, `process.pid`,
    /// `process.executable.name` and `process.runtime.name` are detected. The command's arguments are omitted, because
    /// they may hold secrets.
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(key.into(), value.into()));
        self
    }

    /// Sets the exporters of spans. `OTEL_TRACES_EXPORTER` overrides them.
    pub fn trace_exporters(mut self, exporters: impl IntoIterator<Item = TraceExporter>) -> Self {
        self.trace_exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Sets the exporters of metrics. `OTEL_METRICS_EXPORTER` overrides them.
    pub fn metric_exporters(mut self, exporters: impl IntoIterator<Item = MetricExporter>) -> Self {
        self.metric_exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Sets the sampler. `OTEL_TRACES_SAMPLER` overrides it.
    pub fn sampler(mut self, sampler: impl Into<Box<dyn ShouldSample>>) -> Self {
        self.sampler = Some(sampler.into());
        self
    }

    /// Sets the sampling rates of a cache's spans, applied by a [`CacheSampler`](crate::CacheSampler) that wraps the
    /// other sampler. `CACHESCOPE_TRACES_SAMPLER_RULES` overrides them.
    ///
    /// The samplers that `OTEL_TRACES_SAMPLER` names then record their threshold in tracestate, so that spans can be
    /// counted. A sampler set in code must do so itself: see
    /// [`CacheSampler::with_base_sampler`](crate::CacheSampler::with_base_sampler).
    ///
    /// ```
    /// let setup = cachescope_otel::Setup::from_env().sampling_rules("hit=0.01,error=1,slow>10ms=1".parse()?);
    /// # drop(setup);
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    pub fn sampling_rules(mut self, rules: SamplingRules) -> Self {
        self.sampling_rules = Some(rules);
        self
    }

    /// Delivers the remaining telemetry when one of these signals ends the process, within the deadline, as a drop of
    /// the
    /// [`Guard`] does. Afterwards the signal ends the process as it would have otherwise. A second signal ends the
    /// process at once.
    ///
    /// Use it in programs that don't handle these signals. A program that handles them drops its guard at its end
    /// instead. No runtime is needed: a dedicated thread listens until the process ends.
    ///
    /// On systems other than Unix, [`Setup::init`] returns an error ([`Error::is_signals`]).
    ///
    /// ```no_run
    /// use cachescope_otel::{Setup, Signal};
    ///
    /// let _guard = Setup::from_env().shutdown_on([Signal::Terminate, Signal::Interrupt]).init()?;
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    #[cfg(feature = "signals")]
    pub fn shutdown_on(mut self, signals: impl IntoIterator<Item = crate::Signal>) -> Self {
        self.signals = signals.into_iter().collect();
        self
    }

    /// Returns the resource that [`Setup::init`] would use, for a provider that you build yourself.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`] if `OTEL_RESOURCE_ATTRIBUTES` is malformed.
    pub fn resource(&self) -> Result<opentelemetry_sdk::Resource, Error> {
        resource::resource(&self.environment, self.service_name.clone(), self.attributes.clone())
    }

    /// Adds a span processor. It is called before the exporters' processors, in the order of the additions. A trace's
    /// first span has the attributes of a [`TraceSummaryProcessor`] when it ends.
    ///
    /// ```
    /// use opentelemetry_sdk::trace::{BatchSpanProcessor, InMemorySpanExporter};
    ///
    /// let exporter = InMemorySpanExporter::default(); // your exporter
    /// let setup = cachescope_otel::Setup::from_env().span_processor(BatchSpanProcessor::builder(exporter).build());
    /// # drop(setup);
    /// ```
    pub fn span_processor(mut self, processor: impl SpanProcessor + 'static) -> Self {
        self.to_tracers.push(Box::new(|builder| builder.with_span_processor(TraceSummaryProcessor::new(processor))));
        self
    }

    /// Adds a metric reader to those of the exporters.
    pub fn metric_reader(mut self, reader: impl MetricReader) -> Self {
        self.to_meters.push(Box::new(|builder| builder.with_reader(reader)));
        self
    }

    /// Adds a view. Instruments of cachescope that match it get no other view: their cardinality limit is the view's.
    ///
    /// The view is called twice for each instrument, once by this crate, so it must return the same both times.
    ///
    /// ```
    /// use opentelemetry_sdk::metrics::{Aggregation, Instrument, Stream};
    ///
    /// // Base-2 exponential histograms, for backends that accept them over OTLP.
    /// let setup = cachescope_otel::Setup::from_env().view(|instrument: &Instrument| {
    ///     (instrument.name() == "cachescope.request.duration").then(|| {
    ///         Stream::builder()
    ///             .with_aggregation(Aggregation::Base2ExponentialHistogram {
    ///                 max_size: 160,
    ///                 max_scale: 20,
    ///                 record_min_max: true,
    ///             })
    ///             .build()
    ///             .ok()
    ///     })?
    /// });
    /// # drop(setup);
    /// ```
    pub fn view(mut self, view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static) -> Self {
        self.views.push(Box::new(view));
        self
    }

    /// Sets the number of caches that the SDK's tables are sized for. Default: [`DEFAULT_MAX_CACHES`]. For the costs,
    /// see
    /// [`cardinality_view`](crate::cardinality_view).
    pub fn max_caches(mut self, caches: usize) -> Self {
        self.max_caches = caches;
        self
    }

    /// Sets whether the providers and the propagator become the global ones. Default: `true`. With `false`, pass on the
    /// providers of the [`Guard`].
    pub fn install_globals(mut self, install: bool) -> Self {
        self.globals = install;
        self
    }

    /// Sets whether the `prometheus` exporter runs its own server. Default: `true`. With `false`, mount
    /// [`Guard::prometheus`] in your server.
    ///
    /// ```
    /// use cachescope_otel::{MetricExporter, Setup};
    ///
    /// let guard = Setup::from_lookup(|_| None)
    ///     .trace_exporters([])
    ///     .metric_exporters([MetricExporter::Prometheus])
    ///     .serve_prometheus(false)
    ///     .install_globals(false)
    ///     .init()?;
    /// let router = guard.prometheus().map(|metrics| metrics.router());
    /// assert!(router.is_some());
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    #[cfg(feature = "prometheus")]
    pub fn serve_prometheus(mut self, serve: bool) -> Self {
        self.serve = serve;
        self
    }

    /// Sets the time limit of [`Guard::flush`], [`Guard::shutdown`] and the drop of the guard. Default: 3 s. They may
    /// take a quarter of a second more.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets everything up and starts to export. Doesn't wait for any collector. Starts the SDK's threads, and one
    /// thread each for `otlp` and for the Prometheus server.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`] for a variable with a wrong value, [`Error::is_missing_feature`] for an exporter that is
    /// not compiled in, [`Error::is_bind`] if the Prometheus address is taken; also if no thread can be started. After
    /// an error, nothing is installed or running.
    ///
    /// # Panics
    ///
    /// If the operating system refuses the SDK a thread for its batch span processor.
    pub fn init(self) -> Result<Guard, Error> {
        let environment = &self.environment;
        // Everything that can fail comes first: a provider that is dropped waits for its exporters.
        let disabled = environment.is_disabled()?;
        let propagators = propagation::propagators(environment)?;
        let sampler = sampling::sampler(environment, self.sampler, self.sampling_rules)?;
        let resource = resource::resource(environment, self.service_name, self.attributes)?;
        environment.batch_settings()?;
        let interval = environment.metric_interval()?;
        let traces = exporter::traces(environment, self.trace_exporters)?;
        let metrics = exporter::metrics(environment, self.metric_exporters)?;

        let propagate = || {
            if self.globals {
                global::set_text_map_propagator(propagation::compose(&propagators));
            }
        };
        if disabled {
            // A service that records nothing still propagates the context of other services.
            propagate();
            return Ok(disabled_guard(self.deadline));
        }
        environment.warn_about_unsupported();

        let selection = Selection {
            environment,
            traces: &traces,
            metrics: &metrics,
            interval,
            #[cfg(feature = "prometheus")]
            serve: self.serve,
        };
        let opened = Destinations::open(&selection)?;
        #[cfg(feature = "signals")]
        let listener = crate::signals::SignalListener::start(&self.signals)?;
        propagate();
        let mut tracers = SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(
            // Set explicitly: otherwise the SDK would read the process's environment.
            sampler.unwrap_or_else(|| Box::new(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))),
        );
        for add in self.to_tracers.into_iter().chain(opened.to_tracers) {
            tracers = add(tracers);
        }
        let meters = SdkMeterProvider::builder().with_resource(resource);
        let mut meters = with_views(meters, self.views, self.max_caches, opened.exponential);
        for add in self.to_meters.into_iter().chain(opened.to_meters) {
            meters = add(meters);
        }

        let (tracers, meters) = (tracers.build(), meters.build());
        if self.globals {
            global::set_tracer_provider(tracers.clone());
            global::set_meter_provider(meters.clone());
        }
        opened.stats.iter().for_each(|stats| stats.observe(&meters.meter("cachescope.exporter")));
        let guard = Guard {
            tracers,
            meters,
            deadline: self.deadline,
            is_shut_down: ShutDownFlag::default(),
            deliveries: Deliveries::new(opened.deliveries),
            exporter_stats: opened.stats,
            #[cfg(feature = "prometheus")]
            prometheus: opened.prometheus,
        };
        #[cfg(feature = "signals")]
        if let Some(listener) = listener {
            listener.attach(guard.shutdown_handle());
        }
        Ok(guard)
    }
}

/// Returns a guard with providers that record and export nothing.
fn disabled_guard(deadline: Duration) -> Guard {
    Guard {
        tracers: SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build(),
        meters: SdkMeterProvider::builder().build(),
        deadline,
        is_shut_down: ShutDownFlag::default(),
        deliveries: Deliveries::new(Vec::new()),
        exporter_stats: Vec::new(),
        #[cfg(feature = "prometheus")]
        prometheus: None,
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("service_name", &self.service_name)
            .field("attributes", &self.attributes)
            .field("trace_exporters", &self.trace_exporters)
            .field("metric_exporters", &self.metric_exporters)
            .field("sampler", &self.sampler)
            .field("sampling_rules", &self.sampling_rules)
            .field("max_caches", &self.max_caches)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
