use std::fmt;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::{KeyValue, Value, global};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, ShouldSample, SpanProcessor};

use crate::destination::{AddToMeters, AddToTracers, Deliveries, Destinations, Wanted};
use crate::ending::Ended;
use crate::environment::Environment;
use crate::view::{View, with_views};
use crate::{CACHES, Error, Guard, MetricExporter, RollUp, SamplingRules, TraceExporter};
use crate::{exporter, propagation, resource, sampling};

/// Long enough for a collector nearby, and a quarter of a second more is still well within what one waits for at exit.
const DEADLINE: Duration = Duration::from_secs(3);

/// Sets up traces and metrics as the environment says: [`Setup::from_env`]`().init()`.
///
/// Call it once, early in `main`: instruments and tracers that code of yours made from the global providers before stay
/// without effect. Caches of cachescope may be built before or after. A second call replaces the global providers.
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

/// What is to be set up: the environment's word, and code's where the environment has none.
///
/// Whoever runs a program knows more about where it runs than whoever wrote it, so **a variable that is set wins over
/// code**. Values are read in any case, empty ones count as unset, and a wrong one is an error rather than a default
/// that nobody notices.
///
/// | variable | values |
/// |---|---|
/// | `OTEL_SDK_DISABLED` | `true` turns traces and metrics off |
/// | `OTEL_TRACES_EXPORTER` | `otlp` (default), `console`, both, `none` |
/// | `OTEL_METRICS_EXPORTER` | `otlp` (default), `prometheus`, `console`, `cloudwatch`, `emf`, `statsd`, several, `none` |
/// | `OTEL_PROPAGATORS` | `tracecontext`, `baggage` (default both), `none` |
/// | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | a name; `key=value` pairs parted by commas, percent-encoded |
/// | `OTEL_TRACES_SAMPLER` | `parentbased_always_on` (default), `always_on`, `always_off`, `traceidratio`, `parentbased_always_off`, `parentbased_traceidratio` |
/// | `OTEL_TRACES_SAMPLER_ARG` | the share for the `traceidratio` ones, 0.0 to 1.0 (default) |
/// | `CACHESCOPE_TRACES_SAMPLER_RULES` | how many of a cache's spans to keep, such as `hit=0.01,error=1,slow>10ms=1` ([`SamplingRules`]); around whatever samples otherwise |
/// | `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_METRIC_EXPORT_TIMEOUT` | milliseconds; 60000, 30000 |
/// | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_EXPORT_TIMEOUT` | milliseconds; 5000, 30000 |
/// | `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | spans; 2048, 512 |
/// | `OTEL_EXPORTER_OTLP_*` | where and how `otlp` sends |
/// | `OTEL_EXPORTER_PROMETHEUS_HOST`, `_PORT` | where `prometheus` is served; `localhost`, 9464 |
/// | `CACHESCOPE_PROMETHEUS_*`, `_CLOUDWATCH_*`, `_STATSD_*`, `_CONSOLE_*` | what else these exporters are told, as their crates list it |
///
/// The default exporter is `otlp` if it is compiled in, else for metrics `prometheus` if that is, else none. The SDK
/// itself reads the `OTEL_SPAN_*_COUNT_LIMIT` variables. What the specification has besides is not supported; a variable
/// of that kind that is set is named in one `warn!` at set-up.
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
    caches: usize,
    globals: bool,
    #[cfg(feature = "prometheus")]
    serve: bool,
    deadline: Duration,
}

impl Setup {
    /// Starts from the process's environment.
    pub fn from_env() -> Self {
        Self::new(Environment::process())
    }

    /// Starts from variables read through `lookup`, for tests and for configuration that comes from elsewhere.
    ///
    /// Nothing of the process's environment is read then, but for what the SDK and the HTTP clients read themselves.
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
            caches: CACHES,
            globals: true,
            #[cfg(feature = "prometheus")]
            serve: true,
            deadline: DEADLINE,
        }
    }

    /// Gives a variable a value for when the environment has none, such as an endpoint or a protocol.
    pub fn default_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.set_default(name.into(), value.into());
        self
    }

    /// Names the service; weaker than `OTEL_SERVICE_NAME` and a `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// Adds an attribute to the resource; weaker than the same one in `OTEL_RESOURCE_ATTRIBUTES`.
    ///
    /// `service.instance.id` is a random UUID unless it is given here or there. Likewise found out unless
    /// given: `host.name`, `host.arch`, `os.type`, `process.pid`, `process.executable.name` and `process.runtime.name`. The
    /// command's arguments are left out, for they may hold secrets.
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(key.into(), value.into()));
        self
    }

    /// Chooses where spans go; weaker than `OTEL_TRACES_EXPORTER`.
    pub fn trace_exporters(mut self, exporters: impl IntoIterator<Item = TraceExporter>) -> Self {
        self.trace_exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Chooses where metrics go; weaker than `OTEL_METRICS_EXPORTER`.
    pub fn metric_exporters(mut self, exporters: impl IntoIterator<Item = MetricExporter>) -> Self {
        self.metric_exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Chooses the sampler; weaker than `OTEL_TRACES_SAMPLER`.
    pub fn sampler(mut self, sampler: impl Into<Box<dyn ShouldSample>>) -> Self {
        self.sampler = Some(sampler.into());
        self
    }

    /// Keeps a cache's spans at a rate for each way requests end, with a [`CacheSampler`](crate::CacheSampler) around
    /// whatever samples otherwise; weaker than `CACHESCOPE_TRACES_SAMPLER_RULES`.
    ///
    /// The samplers that `OTEL_TRACES_SAMPLER` names then say in tracestate what they sample by, so that spans can be
    /// counted. One given in code has to do so itself: see [`CacheSampler::around`](crate::CacheSampler::around).
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

    /// Delivers what is left when one of these signals ends the process, as dropping the [`Guard`] does: within the
    /// deadline. Then the process ends as it would have without, by that signal. A second signal ends it at once.
    ///
    /// For programs that don't handle these signals. One that does, to finish what it is at, needs nothing of this: it
    /// drops its guard at its end. Needs no runtime: a thread of its own waits, to the end of the process.
    ///
    /// On systems other than Unix, [`Setup::init`] gives an error ([`Error::is_signals`]).
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

    /// The resource that [`Setup::init`] would report, for a provider that you build yourself.
    ///
    /// # Errors
    ///
    /// If `OTEL_RESOURCE_ATTRIBUTES` is malformed ([`Error::is_variable`]).
    pub fn resource(&self) -> Result<opentelemetry_sdk::Resource, Error> {
        resource::resource(&self.environment, self.service_name.clone(), self.attributes.clone())
    }

    /// Adds a span processor beside those of the exporters; called before theirs, in the order of adding. What it is
    /// given at the end of a trace's first span has the attributes of a [`RollUp`].
    ///
    /// ```
    /// use opentelemetry_sdk::trace::{BatchSpanProcessor, InMemorySpanExporter};
    ///
    /// let mine = InMemorySpanExporter::default(); // or an exporter of your own
    /// let setup = cachescope_otel::Setup::from_env().span_processor(BatchSpanProcessor::builder(mine).build());
    /// # drop(setup);
    /// ```
    pub fn span_processor(mut self, processor: impl SpanProcessor + 'static) -> Self {
        self.to_tracers.push(Box::new(|builder| builder.with_span_processor(RollUp::new(processor))));
        self
    }

    /// Adds a metric reader beside those of the exporters.
    pub fn metric_reader(mut self, reader: impl MetricReader) -> Self {
        self.to_meters.push(Box::new(|builder| builder.with_reader(reader)));
        self
    }

    /// Adds a view. Instruments of cachescope that it matches are left to it alone, their cardinality limit included.
    ///
    /// It is asked twice for each instrument, once by us, so it must answer the same both times.
    ///
    /// ```
    /// use opentelemetry_sdk::metrics::{Aggregation, Instrument, Stream};
    ///
    /// // Base-2 exponential histograms, for backends that take them over OTLP.
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

    /// Makes room for the metrics of this many caches instead of [`CACHES`]; see
    /// [`cardinality_view`](crate::cardinality_view) for what it costs.
    pub fn caches(mut self, caches: usize) -> Self {
        self.caches = caches;
        self
    }

    /// Whether the providers and the propagator become the global ones (by default they do). Without it, hand out
    /// those of the [`Guard`].
    pub fn install_globals(mut self, install: bool) -> Self {
        self.globals = install;
        self
    }

    /// Whether the `prometheus` exporter serves its metrics itself (by default it does). Without it, mount
    /// [`Guard::prometheus`] where you like.
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

    /// How long [`Guard::flush`], [`Guard::shutdown`] and dropping the guard may take; 3 s unless set. A quarter of a
    /// second may come on top.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets everything up and starts exporting. Waits for no collector; makes the SDK's threads and, for `otlp` and
    /// for the Prometheus server, one more each.
    ///
    /// # Errors
    ///
    /// A variable with a wrong value ([`Error::is_variable`]), an exporter that is not compiled in
    /// ([`Error::is_missing_feature`]), a taken address ([`Error::is_bind`]), or no more threads. Nothing is installed
    /// or running then.
    ///
    /// # Panics
    ///
    /// If the operating system refuses the SDK its thread for batches of spans.
    pub fn init(self) -> Result<Guard, Error> {
        let environment = &self.environment;
        // All that can be wrong comes first: a provider, once built, waits for its exporters when it is dropped.
        let disabled = environment.is_disabled()?;
        let propagators = propagation::propagators(environment)?;
        let sampler = sampling::sampler(environment, self.sampler, self.sampling_rules)?;
        let resource = resource::resource(environment, self.service_name, self.attributes)?;
        environment.batches()?;
        let interval = environment.metric_interval()?;
        let traces = exporter::traces(environment, self.trace_exporters)?;
        let metrics = exporter::metrics(environment, self.metric_exporters)?;

        let propagate = || {
            if self.globals {
                global::set_text_map_propagator(propagation::composed(&propagators));
            }
        };
        if disabled {
            // A service that records nothing still passes on the context of others.
            propagate();
            return Ok(off(self.deadline));
        }
        environment.say_what_is_unsupported();

        let wanted = Wanted {
            environment,
            traces: &traces,
            metrics: &metrics,
            interval,
            #[cfg(feature = "prometheus")]
            serve: self.serve,
        };
        let opened = Destinations::open(&wanted)?;
        #[cfg(feature = "signals")]
        let listening = crate::signals::Listening::to(&self.signals)?;
        propagate();
        let mut tracers = SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(
            // Said here too, for the SDK would ask the process's environment.
            sampler.unwrap_or_else(|| Box::new(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))),
        );
        for add in self.to_tracers.into_iter().chain(opened.to_tracers) {
            tracers = add(tracers);
        }
        let meters = SdkMeterProvider::builder().with_resource(resource);
        let mut meters = with_views(meters, self.views, self.caches, opened.exponential);
        for add in self.to_meters.into_iter().chain(opened.to_meters) {
            meters = add(meters);
        }

        let (tracers, meters) = (tracers.build(), meters.build());
        if self.globals {
            global::set_tracer_provider(tracers.clone());
            global::set_meter_provider(meters.clone());
        }
        opened.exports.iter().for_each(|exports| exports.observe(&meters.meter("cachescope.exporter")));
        let guard = Guard {
            tracers,
            meters,
            deadline: self.deadline,
            ended: Ended::default(),
            deliveries: Deliveries::new(opened.deliveries),
            exports: opened.exports,
            #[cfg(feature = "prometheus")]
            page: opened.page,
        };
        #[cfg(feature = "signals")]
        if let Some(listening) = listening {
            listening.ends(guard.ending());
        }
        Ok(guard)
    }
}

/// Providers that record and export nothing.
fn off(deadline: Duration) -> Guard {
    Guard {
        tracers: SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build(),
        meters: SdkMeterProvider::builder().build(),
        deadline,
        ended: Ended::default(),
        deliveries: Deliveries::new(Vec::new()),
        exports: Vec::new(),
        #[cfg(feature = "prometheus")]
        page: None,
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
            .field("caches", &self.caches)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
