use std::fmt;
use std::io::Write;
#[cfg(feature = "api")]
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

#[cfg(feature = "api")]
use cachescope_core::{ExportedItem, Exports};
use opentelemetry_sdk::metrics::data::ResourceMetrics;

#[cfg(feature = "api")]
use crate::api::{Access, Delivery, Driver, MetricExporter};
use crate::series::Collection;
use crate::settings::{self, Settings};
use crate::{Cost, Dimensions, EmfExporter, Error, OnUnknown, Resolution, text};

/// The CloudWatch exporters of a program, as variables describe them.
///
/// | variable | values |
/// |---|---|
/// | `CACHESCOPE_CLOUDWATCH_NAMESPACE` | the namespace; `cachescope` |
/// | `CACHESCOPE_CLOUDWATCH_DIMENSIONS` | as [`Dimensions`] has it; `service.name,*` |
/// | `CACHESCOPE_CLOUDWATCH_RESOLUTION` | seconds, `60` (default) or `1` |
/// | `CACHESCOPE_CLOUDWATCH_ZEROS` | `true` sends sums that didn't grow, too, of observable counters; `false` |
/// | `CACHESCOPE_CLOUDWATCH_TIMEOUT` | milliseconds for an interval's requests, retries included, 100 to 86400000; 10000 |
/// | `CACHESCOPE_CLOUDWATCH_ON_UNKNOWN` | `drop` (default) or `resend`, as [`OnUnknown`] has it |
/// | `CACHESCOPE_CLOUDWATCH_QUEUE` | how many metrics wait for the next interval at most; 10000 |
/// | `CACHESCOPE_CLOUDWATCH_DRY_RUN` | `true` sends nothing and says what it would cost (not for EMF, which writes all the same); `false` |
/// | `AWS_REGION`, `AWS_DEFAULT_REGION` | the region; else by the AWS SDK's chain |
/// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | credentials; else by the AWS SDK's chain |
/// | `AWS_ENDPOINT_URL_CLOUDWATCH`, `AWS_ENDPOINT_URL` | another endpoint than AWS's, for tests |
///
/// The AWS SDK's chain (profiles, web identity, container, instance) reads the process's own environment and files, at
/// the first export.
///
/// ```
/// let variables = |name: &str| (name == "CACHESCOPE_CLOUDWATCH_NAMESPACE").then(|| "shop".to_owned());
/// let cloudwatch = cachescope_cloudwatch::CloudWatch::from_lookup(&variables)?;
/// let lines = cloudwatch.emf_exporter(std::io::stdout());
/// # Ok::<(), cachescope_cloudwatch::Error>(())
/// ```
pub struct CloudWatch {
    settings: Settings,
    #[cfg(feature = "api")]
    access: Access,
    #[cfg(feature = "api")]
    exports: Exports,
    #[cfg(feature = "api")]
    delivery: Delivery,
    #[cfg(feature = "api")]
    driver: Mutex<Weak<Driver>>,
}

impl CloudWatch {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// A variable has a value that can't be honoured ([`Error::is_variable`]).
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads variables through `lookup`, for defaults of one's own or for tests.
    ///
    /// # Errors
    ///
    /// As for [`CloudWatch::from_env`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        Ok(Self {
            settings: Settings::read(lookup)?,
            #[cfg(feature = "api")]
            access: Access::read(lookup)?,
            #[cfg(feature = "api")]
            exports: Exports::new("cloudwatch_metric_exporter", ExportedItem::DataPoint),
            #[cfg(feature = "api")]
            delivery: Delivery::new(),
            #[cfg(feature = "api")]
            driver: Mutex::default(),
        })
    }

    /// In this namespace.
    ///
    /// # Errors
    ///
    /// CloudWatch takes no such namespace.
    pub fn with_namespace(mut self, namespace: &str) -> Result<Self, Error> {
        if !text::is_namespace(namespace) {
            return Err(Error::setting("the namespace", namespace, settings::NAMESPACE_ACCEPTED));
        }
        namespace.clone_into(&mut self.settings.namespace);
        Ok(self)
    }

    /// With these dimensions.
    #[must_use]
    pub fn with_dimensions(mut self, dimensions: Dimensions) -> Self {
        self.settings.dimensions = dimensions;
        self
    }

    /// Kept as finely as this.
    #[must_use]
    pub fn with_resolution(mut self, resolution: Resolution) -> Self {
        self.settings.resolution = resolution;
        self
    }

    /// Whether sums that didn't grow are sent, as zero. Off, a metric that nothing happens to is not billed, and an alarm
    /// on it has missing data, which it can be told to take for good. It is for observable counters: of a synchronous one
    /// that nothing was added to, the SDK reports nothing that could be sent.
    #[must_use]
    pub fn with_zeros(mut self, zeros: bool) -> Self {
        self.settings.zeros = zeros;
        self
    }

    /// What becomes of metrics whose fate is unknown.
    #[must_use]
    pub fn with_on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.settings.on_unknown = on_unknown;
        self
    }

    /// How long an interval's requests may take, retries included; at least 100 ms, at most a day. What is
    /// outside of that is the nearest of both.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout.clamp(settings::TIMEOUTS.0, settings::TIMEOUTS.1);
        self
    }

    /// How many metrics wait for the next interval at most; the oldest go first. One takes about half a kilobyte, a
    /// histogram's up to four.
    #[must_use]
    pub fn with_queue(mut self, metrics: usize) -> Self {
        self.settings.queue = metrics;
        self
    }

    /// Sends nothing, and says through `tracing` what it would cost: once, and again when there are a tenth more
    /// metrics in one collection. [`CloudWatch::cost`] returns the same. [`CloudWatch::emf_exporter`] takes no heed of it:
    /// its lines are written all the same.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.settings.dry_run = dry_run;
        self
    }

    /// With region, credentials, endpoint and HTTP client as a program has them already. Retries and timeouts stay
    /// those of the exporter.
    #[cfg(feature = "api")]
    #[must_use]
    pub fn with_sdk_config(mut self, config: aws_config::SdkConfig) -> Self {
        self.access = Access::of(config);
        self
    }

    /// Builds the exporter that sends by PutMetricData. Opens no connection, and looks for no credentials: the first
    /// export does.
    ///
    /// # Errors
    ///
    /// The worker thread can't be started ([`Error::is_thread`]).
    #[cfg(feature = "api")]
    pub fn metric_exporter(&self) -> Result<MetricExporter, Error> {
        Ok(MetricExporter::new(&self.settings, &self.access, &self.exports, &self.delivery, self.driver()?))
    }

    /// Builds the exporter that writes lines in the Embedded Metric Format: to standard output in Lambda, to the
    /// CloudWatch agent's socket, or to a file it follows.
    #[must_use]
    pub fn emf_exporter<W: Write + Send + 'static>(&self, writer: W) -> EmfExporter<W> {
        EmfExporter::new(&self.settings, writer)
    }

    /// What sending `metrics` at every `OTEL_METRIC_EXPORT_INTERVAL` (a minute unless set) costs. What other
    /// collections hold besides isn't in it.
    #[must_use]
    pub fn cost(&self, metrics: &ResourceMetrics) -> Cost {
        Cost::of(Collection::read(metrics, &self.settings.dimensions), self.settings.interval)
    }

    /// The handle by which a shutdown gives up these exporters' requests when its deadline passes.
    #[cfg(feature = "api")]
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery.clone()
    }

    /// What the exporters made by [`CloudWatch::metric_exporter`] sent, dropped and tried again, in points as the SDK
    /// collected them. What is left out on purpose, as sums that didn't grow, is in none of it.
    #[cfg(feature = "api")]
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.exports
    }

    #[cfg(feature = "api")]
    fn driver(&self) -> Result<Arc<Driver>, Error> {
        let mut shared = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = shared.upgrade() {
            return Ok(driver);
        }
        let driver = Arc::new(Driver::start()?);
        *shared = Arc::downgrade(&driver);
        Ok(driver)
    }
}

impl fmt::Debug for CloudWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWatch").field("settings", &self.settings).finish_non_exhaustive()
    }
}
