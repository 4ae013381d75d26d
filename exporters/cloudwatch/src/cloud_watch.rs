use std::fmt;
use std::io::Write;
use std::time::Duration;

use cachescope_exporter::{ConfigError, Variables, process_variable};
#[cfg(feature = "api")]
use cachescope_exporter::{Delivery, ExportedItem, ExporterStats, SharedRuntime};
use opentelemetry_sdk::metrics::data::ResourceMetrics;

#[cfg(feature = "api")]
use crate::api::{ClientSettings, MetricExporter};
use crate::series::Collection;
use crate::settings::{self, Settings};
use crate::{CostEstimate, Dimensions, EmfExporter, Error, OnUnknown, Resolution, sanitize};

/// Configures and builds the CloudWatch exporters of a program.
///
/// | variable | values |
/// |---|---|
/// | `CACHESCOPE_CLOUDWATCH_NAMESPACE` | the namespace; `cachescope` |
/// | `CACHESCOPE_CLOUDWATCH_DIMENSIONS` | see [`Dimensions`]; `service.name,*` |
/// | `CACHESCOPE_CLOUDWATCH_RESOLUTION` | seconds, `60` (default) or `1` |
/// | `CACHESCOPE_CLOUDWATCH_ZEROS` | `true` also sends sums that didn't grow, of observable counters; `false` |
/// | `CACHESCOPE_CLOUDWATCH_TIMEOUT` | the time limit in milliseconds for an interval's requests, retries included, 100 to 86400000; 10000 |
/// | `CACHESCOPE_CLOUDWATCH_ON_UNKNOWN` | `drop` (default) or `resend`, see [`OnUnknown`] |
/// | `CACHESCOPE_CLOUDWATCH_QUEUE` | the capacity in metrics of the queue that waits for the next interval; 10000 |
/// | `CACHESCOPE_CLOUDWATCH_DRY_RUN` | `true` sends nothing and logs the estimated cost (the Embedded Metric Format is still written); `false` |
/// | `AWS_REGION`, `AWS_DEFAULT_REGION` | the region; by default from the AWS SDK's chain |
/// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | credentials; by default from the AWS SDK's chain |
/// | `AWS_ENDPOINT_URL_CLOUDWATCH`, `AWS_ENDPOINT_URL` | an endpoint instead of AWS's, for tests |
///
/// At the first export, the AWS SDK's chain (profiles, web identity, container, instance) reads the environment and files
/// of the process.
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
    client: ClientSettings,
    #[cfg(feature = "api")]
    stats: ExporterStats,
    #[cfg(feature = "api")]
    delivery: Delivery,
    #[cfg(feature = "api")]
    runtime: SharedRuntime,
}

impl CloudWatch {
    /// Reads the variables of the process's environment.
    ///
    /// # Errors
    ///
    /// A variable has a value that isn't valid ([`Error::is_config`]).
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&process_variable)
    }

    /// Reads variables through `lookup`, for your own defaults or for tests.
    ///
    /// # Errors
    ///
    /// As for [`CloudWatch::from_env`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variables = Variables::new(lookup);
        Ok(Self {
            settings: Settings::read(variables)?,
            #[cfg(feature = "api")]
            client: ClientSettings::read(variables)?,
            #[cfg(feature = "api")]
            stats: ExporterStats::new("cloudwatch_metric_exporter", ExportedItem::DataPoint),
            #[cfg(feature = "api")]
            delivery: Delivery::new(),
            #[cfg(feature = "api")]
            runtime: SharedRuntime::new("cachescope-cloudwatch"),
        })
    }

    /// Sets the namespace.
    ///
    /// # Errors
    ///
    /// The namespace isn't valid ([`Error::is_config`]).
    pub fn with_namespace(mut self, namespace: &str) -> Result<Self, Error> {
        if !sanitize::is_namespace(namespace) {
            return Err(ConfigError::new("the namespace", settings::NAMESPACE_RULE, namespace).into());
        }
        namespace.clone_into(&mut self.settings.namespace);
        Ok(self)
    }

    /// Sets the dimensions.
    #[must_use]
    pub fn with_dimensions(mut self, dimensions: Dimensions) -> Self {
        self.settings.dimensions = dimensions;
        self
    }

    /// Sets the resolution.
    #[must_use]
    pub fn with_resolution(mut self, resolution: Resolution) -> Self {
        self.settings.resolution = resolution;
        self
    }

    /// Sets whether sums that didn't grow are sent, as zero. Default: false.
    ///
    /// If they aren't sent, a metric without activity isn't billed. An alarm on the metric then has missing data, which can
    /// be configured as good. The setting has an effect on observable counters only: the SDK doesn't report a synchronous
    /// counter that nothing was added to.
    #[must_use]
    pub fn with_zeros(mut self, zeros: bool) -> Self {
        self.settings.zeros = zeros;
        self
    }

    /// Sets the handling of metrics that were sent without getting a response.
    #[must_use]
    pub fn with_on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.settings.on_unknown = on_unknown;
        self
    }

    /// Sets the time limit for an interval's requests, retries included, from 100 ms to a day. Other values are clamped.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout.clamp(settings::TIMEOUTS.0, settings::TIMEOUTS.1);
        self
    }

    /// Sets the capacity in metrics of the queue that waits for the next interval. The oldest metrics are dropped first.
    ///
    /// A metric takes about half a kilobyte, and a histogram up to four kilobytes.
    #[must_use]
    pub fn with_queue(mut self, metrics: usize) -> Self {
        self.settings.queue = metrics;
        self
    }

    /// Sets whether the exporter logs the estimated cost through `tracing` instead of sending.
    ///
    /// The estimate is logged once, and again when a collection has a tenth more metrics. [`CloudWatch::estimate_cost`]
    /// returns the same estimate. [`CloudWatch::emf_exporter`] ignores the setting, and writes its lines.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.settings.dry_run = dry_run;
        self
    }

    /// Uses the region, credentials, endpoint and HTTP client of `config`. Retries and timeouts stay those of the exporter.
    #[cfg(feature = "api")]
    #[must_use]
    pub fn with_sdk_config(mut self, config: aws_config::SdkConfig) -> Self {
        self.client = ClientSettings::from_sdk_config(config);
        self
    }

    /// Builds the exporter that sends PutMetricData requests. It connects and looks for credentials at the first export.
    ///
    /// # Errors
    ///
    /// The worker thread can't be started ([`Error::is_thread`]).
    #[cfg(feature = "api")]
    pub fn metric_exporter(&self) -> Result<MetricExporter, Error> {
        let runtime = self.runtime.get().map_err(Error::thread)?;
        Ok(MetricExporter::new(&self.settings, &self.client, &self.stats, &self.delivery, runtime))
    }

    /// Builds the exporter that writes lines in the Embedded Metric Format: to standard output in Lambda, to the socket of
    /// the CloudWatch agent, or to a file that the agent reads.
    #[must_use]
    pub fn emf_exporter<W: Write + Send + 'static>(&self, writer: W) -> EmfExporter<W> {
        EmfExporter::new(&self.settings, writer)
    }

    /// Estimates the cost of sending `metrics` at every `OTEL_METRIC_EXPORT_INTERVAL` (a minute by default). Other metrics,
    /// of other collections, aren't included.
    #[must_use]
    pub fn estimate_cost(&self, metrics: &ResourceMetrics) -> CostEstimate {
        CostEstimate::new(Collection::read(metrics, &self.settings.dimensions), self.settings.interval)
    }

    /// Returns the handle on the requests of these exporters, for a flush or shutdown with a deadline.
    ///
    /// `Delivery::give_up` counts metrics in flight as unconfirmed, and metrics that wait as dropped by the shutdown. The
    /// exporters ignore `Delivery::begin_flush` and `Delivery::begin_shutdown`.
    ///
    /// ```
    /// let cloudwatch = cachescope_cloudwatch::CloudWatch::from_lookup(&|_| None)?;
    /// let delivery = cloudwatch.delivery();
    /// // ... the deadline for the shutdown passes while CloudWatch doesn't answer:
    /// delivery.give_up();
    /// # Ok::<(), cachescope_cloudwatch::Error>(())
    /// ```
    #[cfg(feature = "api")]
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery.clone()
    }

    /// Returns the counts of data points that the exporters built by [`CloudWatch::metric_exporter`] sent, dropped and
    /// retried. Points that are left out on purpose, such as sums that didn't grow, aren't counted.
    #[cfg(feature = "api")]
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        &self.stats
    }
}

impl fmt::Debug for CloudWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWatch").field("settings", &self.settings).finish_non_exhaustive()
    }
}
