use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::Error;
use crate::deadline::Work;

/// How long exporters get to end what was given up: enough for a thread to wake, too little to be noticed.
const GRACE: Duration = Duration::from_millis(250);

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
    pub(crate) open: bool,
    #[cfg(feature = "otlp")]
    pub(crate) delivery: Option<cachescope_otlp::Delivery>,
    #[cfg(feature = "prometheus")]
    pub(crate) prometheus: Option<cachescope_prometheus::Metrics>,
    #[cfg(feature = "prometheus")]
    pub(crate) server: Option<cachescope_prometheus::Server>,
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

    /// What the `prometheus` exporter shows, to render or to mount; `None` if that exporter is not on.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus(&self) -> Option<&cachescope_prometheus::Metrics> {
        self.prometheus.as_ref()
    }

    /// The address of the Prometheus server; `None` if it does not run.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus_addr(&self) -> Option<std::net::SocketAddr> {
        self.server.as_ref().map(cachescope_prometheus::Server::addr)
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
    pub fn shutdown(mut self) -> Result<(), Error> {
        self.close()
    }

    fn close(&mut self) -> Result<(), Error> {
        if !std::mem::replace(&mut self.open, false) {
            return Ok(());
        }
        let (tracers, meters) = (self.tracers.clone(), self.meters.clone());
        let mut work = Work::start(vec![Box::new(move || tracers.shutdown()), Box::new(move || meters.shutdown())])?;
        if let Some(result) = work.wait(self.deadline) {
            return result.map_err(|error| Error::undelivered(&error));
        }
        // The exporters know whom they wait for: they say so, unless they did when it was lost, and let the SDK's
        // threads end. What hangs elsewhere, in a callback or a foreign exporter, is left to us to say.
        let said = self.give_up() && work.wait(GRACE).is_some();
        Err(Error::late(self.deadline, said))
    }

    #[cfg(feature = "otlp")]
    fn give_up(&self) -> bool {
        self.delivery.as_ref().inspect(|delivery| delivery.give_up()).is_some()
    }

    #[cfg(not(feature = "otlp"))]
    fn give_up(&self) -> bool {
        false
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        match self.close() {
            Err(error) if !error.was_said() => tracing::warn!("{error}"),
            _ => {}
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("deadline", &self.deadline).field("open", &self.open).finish_non_exhaustive()
    }
}
