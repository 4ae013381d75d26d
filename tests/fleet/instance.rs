//! One instance of a service: caches, and an SDK of its own that sends to a collector when it is told to.

use std::time::Duration;

use cachescope::Telemetry;
use cachescope::otel::{Guard, MetricExporter, Setup};
use cachescope_tests::workload::{self, Cache};
use tokio::runtime::Runtime;

use crate::series::{self, Series};

/// Dropped, it sends what is left.
pub(crate) struct Instance {
    pub(crate) guard: Guard,
    pub(crate) cache: Cache,
    runtime: Runtime,
    name: String,
}

/// What may be set of one, with what is usual.
pub(crate) struct Settings<'a> {
    pub(crate) service: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) temporality: &'a str,
    /// More variables of the specification.
    pub(crate) more: &'a [(&'a str, &'a str)],
}

impl Instance {
    /// Sends over gRPC to `endpoint`. Its cache is named as its service.
    pub(crate) fn start(endpoint: &str, settings: &Settings<'_>) -> anyhow::Result<Self> {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", settings.temporality),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
            // It sends when it is told to.
            ("OTEL_METRIC_EXPORT_INTERVAL", "3600000"),
        ];
        let variables: Vec<(String, String)> = [&variables, settings.more]
            .concat()
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let lookup =
            move |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let guard = Setup::from_lookup(lookup)
            .service_name(settings.service)
            .attribute("service.instance.id", settings.instance.to_owned())
            // A page beside, which is not the collector's.
            .metric_exporters([MetricExporter::Otlp, MetricExporter::Prometheus])
            .install_globals(false)
            .deadline(Duration::from_secs(30))
            .init()?;
        let telemetry = Telemetry::new(guard.meter_provider().clone(), guard.tracer_provider().clone());
        let cache = workload::cache(settings.service).telemetry(telemetry).build();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(Self { guard, cache, runtime, name: settings.service.to_owned() })
    }

    /// Runs the mix of requests once more.
    pub(crate) fn works(&self) -> anyhow::Result<()> {
        self.runtime.block_on(workload::run(&self.cache))?;
        self.cache.invalidate(&0);
        Ok(())
    }

    /// Sends what there is, and waits for the answer.
    pub(crate) fn sends(&self) -> anyhow::Result<()> {
        Ok(self.guard.flush()?)
    }

    pub(crate) fn page(&self) -> anyhow::Result<String> {
        let address = self.guard.prometheus_addr().ok_or_else(|| anyhow::anyhow!("it has no page"))?;
        Ok(format!("http://{address}/metrics"))
    }

    /// What it has counted, by its own page.
    pub(crate) fn counted(&self) -> anyhow::Result<Series> {
        series::sums(&self.page()?, &self.name)
    }

    /// Ends as a process does that was asked to; gives what it had counted.
    pub(crate) fn ends(self) -> anyhow::Result<Series> {
        let counted = self.counted()?;
        self.guard.shutdown()?;
        Ok(counted)
    }
}

/// What all of them have counted.
pub(crate) fn counted<'a>(instances: impl IntoIterator<Item = &'a Instance>) -> anyhow::Result<Series> {
    let mut all = Series::new();
    for instance in instances {
        series::add(&mut all, &instance.counted()?);
    }
    Ok(all)
}
