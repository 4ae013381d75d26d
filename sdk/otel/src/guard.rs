use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_exporter::ExporterStats;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::Error;
use crate::destination::Deliveries;
#[cfg(feature = "prometheus")]
use crate::destination::PrometheusEndpoint;
use crate::jobs::Jobs;
use crate::shutdown::{ShutDownFlag, ShutdownHandle};

/// Keeps telemetry running, and delivers the remaining telemetry when it is dropped. Hold it until the end of `main`.
///
/// Flush and shutdown block the calling thread for at most the deadline plus a quarter of a second, whatever a
/// collector does. The deadline is 3 s unless [`Setup::deadline`] sets another.
///
/// The work is done on other threads, so the guard can be dropped on any thread: in a current-thread tokio runtime, on
/// the last worker of a multi-thread runtime, or without a runtime. In async code that must make progress meanwhile,
/// call from `spawn_blocking`. No method panics.
///
/// [`Setup::deadline`]: crate::Setup::deadline
#[must_use = "telemetry ends when the guard is dropped: bind it to a name, such as `_guard`, to the end of `main`"]
pub struct Guard {
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) deadline: Duration,
    pub(crate) is_shut_down: ShutDownFlag,
    pub(crate) deliveries: Deliveries,
    pub(crate) exporter_stats: Vec<ExporterStats>,
    #[cfg(feature = "prometheus")]
    pub(crate) prometheus: Option<PrometheusEndpoint>,
}

impl Guard {
    /// Returns the tracer provider, for code that doesn't use the global provider. A clone costs one reference count.
    ///
    /// ```
    /// # let off = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
    /// use opentelemetry::trace::TracerProvider;
    /// let guard = cachescope_otel::Setup::from_lookup(off).init()?;
    /// let tracer = guard.tracer_provider().tracer("shop");
    /// # let _ = tracer;
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    #[must_use]
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.tracers
    }

    /// Returns the meter provider, for code that doesn't use the global provider. A clone costs one reference count.
    #[must_use]
    pub fn meter_provider(&self) -> &SdkMeterProvider {
        &self.meters
    }

    /// Returns what each exporter has sent, dropped and retried. The metrics have the same counts, as
    /// `otel.sdk.exporter.metric_data_point.exported`, `otel.sdk.exporter.span.exported` and
    /// `cachescope.exporter.retries`.
    ///
    /// ```
    /// # let off = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
    /// let guard = cachescope_otel::Setup::from_lookup(off).init()?;
    /// assert!(guard.exporter_stats().iter().all(|stats| stats.total_dropped() == 0));
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    #[must_use]
    pub fn exporter_stats(&self) -> &[ExporterStats] {
        &self.exporter_stats
    }

    /// Returns the metrics of the `prometheus` exporter, to render or to mount. `None` if that exporter is off.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus(&self) -> Option<&cachescope_prometheus::Metrics> {
        self.prometheus.as_ref().map(|prometheus| &prometheus.metrics)
    }

    /// Returns the address of the Prometheus server. `None` if the server doesn't run.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus_addr(&self) -> Option<std::net::SocketAddr> {
        self.prometheus.as_ref()?.server.as_ref().map(cachescope_prometheus::Server::addr)
    }

    /// Delivers the telemetry that has been recorded so far, and waits for the delivery up to the deadline.
    ///
    /// # Errors
    ///
    /// [`Error::is_timeout`] if the deadline passed (delivery goes on), [`Error::is_undelivered`] if an exporter
    /// failed.
    ///
    /// ```
    /// # let off = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
    /// let guard = cachescope_otel::Setup::from_lookup(off).init()?;
    /// guard.flush()?;
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    pub fn flush(&self) -> Result<(), Error> {
        let _flushing = self.deliveries.begin_flush();
        let (tracers, meters) = (self.tracers.clone(), self.meters.clone());
        let mut jobs =
            Jobs::start(vec![Box::new(move || tracers.force_flush()), Box::new(move || meters.force_flush())])?;
        match jobs.wait(self.deadline) {
            Some(result) => result.map_err(|error| Error::undelivered(&error)),
            None => Err(Error::timeout(self.deadline, false)),
        }
    }

    /// Delivers the remaining telemetry and shuts telemetry down, as a drop of the guard does, and returns the outcome.
    ///
    /// # Errors
    ///
    /// [`Error::is_timeout`] if the deadline passed (the undelivered telemetry is dropped), [`Error::is_undelivered`]
    /// if an exporter failed. Telemetry is shut down in either case.
    ///
    /// ```
    /// # let off = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
    /// let guard = cachescope_otel::Setup::from_lookup(off).init()?;
    /// guard.shutdown()?;
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    pub fn shutdown(self) -> Result<(), Error> {
        self.shutdown_handle().shutdown()
    }

    /// Everything that ends with the guard.
    pub(crate) fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle {
            tracers: self.tracers.clone(),
            meters: self.meters.clone(),
            deadline: self.deadline,
            is_shut_down: Arc::clone(&self.is_shut_down),
            deliveries: self.deliveries.clone(),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shutdown_handle().shutdown_and_warn();
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
