use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachescope_core::Exports;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::Error;
use crate::deadline::Work;
use crate::destination::Deliveries;
#[cfg(feature = "prometheus")]
use crate::destination::Shown;
use crate::ending::{Ended, Ending};

/// Keeps telemetry running, and delivers what is left when it is dropped: hold it to the end of `main`.
///
/// Flushing and shutting down block the calling thread up to the deadline (3 s unless [`Setup::deadline`] says
/// otherwise), never longer than a quarter of a second more, whatever a collector does. The work is done on other
/// threads, so it ends on any thread: in a current-thread tokio runtime, in the last worker of another, or in none. In
/// async code that must go on meanwhile, call it from `spawn_blocking`. Nothing here panics.
///
/// [`Setup::deadline`]: crate::Setup::deadline
#[must_use = "telemetry ends when the guard is dropped: bind it to a name, such as `_guard`, to the end of `main`"]
pub struct Guard {
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) deadline: Duration,
    pub(crate) ended: Ended,
    pub(crate) deliveries: Deliveries,
    pub(crate) exports: Vec<Exports>,
    #[cfg(feature = "prometheus")]
    pub(crate) page: Option<Shown>,
}

impl Guard {
    /// The provider of tracers, to hand to what does not take the global one. A clone costs one reference count.
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

    /// The provider of meters, to hand to what does not take the global one. A clone costs one reference count.
    #[must_use]
    pub fn meter_provider(&self) -> &SdkMeterProvider {
        &self.meters
    }

    /// What each exporter has sent, dropped and tried again. The same is among the metrics, as
    /// `otel.sdk.exporter.metric_data_point.exported`, `otel.sdk.exporter.span.exported` and
    /// `cachescope.exporter.retries`.
    ///
    /// ```
    /// # let off = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
    /// let guard = cachescope_otel::Setup::from_lookup(off).init()?;
    /// assert!(guard.exports().iter().all(|exports| exports.total_dropped() == 0));
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    #[must_use]
    pub fn exports(&self) -> &[Exports] {
        &self.exports
    }

    /// What the `prometheus` exporter shows, to render or to mount; `None` if that exporter is not on.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus(&self) -> Option<&cachescope_prometheus::Metrics> {
        self.page.as_ref().map(|page| &page.metrics)
    }

    /// The address of the Prometheus server; `None` if it does not run.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus_addr(&self) -> Option<std::net::SocketAddr> {
        self.page.as_ref()?.server.as_ref().map(cachescope_prometheus::Server::addr)
    }

    /// Delivers what has been recorded so far, and waits for it up to the deadline.
    ///
    /// # Errors
    ///
    /// [`Error::is_timeout`] if it took longer (delivery goes on then), [`Error::is_undelivered`] if an exporter failed.
    ///
    /// ```
    /// # let off = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
    /// let guard = cachescope_otel::Setup::from_lookup(off).init()?;
    /// guard.flush()?;
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    pub fn flush(&self) -> Result<(), Error> {
        let _hurry = self.deliveries.hurry();
        let (tracers, meters) = (self.tracers.clone(), self.meters.clone());
        let mut work =
            Work::start(vec![Box::new(move || tracers.force_flush()), Box::new(move || meters.force_flush())])?;
        match work.wait(self.deadline) {
            Some(result) => result.map_err(|error| Error::undelivered(&error)),
            None => Err(Error::late(self.deadline, false)),
        }
    }

    /// Delivers what is left and ends telemetry, as dropping the guard does, but says how it went.
    ///
    /// # Errors
    ///
    /// [`Error::is_timeout`] if the deadline passed (what is left is given up then), [`Error::is_undelivered`] if an
    /// exporter failed. Telemetry has ended in any case.
    ///
    /// ```
    /// # let off = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
    /// let guard = cachescope_otel::Setup::from_lookup(off).init()?;
    /// guard.shutdown()?;
    /// # Ok::<(), cachescope_otel::Error>(())
    /// ```
    pub fn shutdown(self) -> Result<(), Error> {
        self.ending().close()
    }

    /// What ends with it.
    pub(crate) fn ending(&self) -> Ending {
        Ending {
            tracers: self.tracers.clone(),
            meters: self.meters.clone(),
            deadline: self.deadline,
            ended: Arc::clone(&self.ended),
            deliveries: self.deliveries.clone(),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ending().close_and_say();
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
