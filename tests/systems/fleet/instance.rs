//! An instance of a service: a cache, and its own SDK, which exports to a collector on demand.

use std::time::Duration;

use cachescope::otel::{Guard, MetricExporter};
use cachescope_tests::setup::{setup, telemetry};
use cachescope_tests::workload::{self, Cache};
use tokio::runtime::Runtime;

use super::series::{self, Series};

/// An instance. A drop exports the remaining data.
pub(crate) struct Instance {
    pub(crate) guard: Guard,
    pub(crate) cache: Cache,
    runtime: Runtime,
    name: String,
}

/// The settings of an instance.
pub(crate) struct Settings<'a> {
    pub(crate) service: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) temporality: &'a str,
    /// More environment variables.
    pub(crate) more: &'a [(&'a str, &'a str)],
}

impl Instance {
    /// Starts an instance that exports over gRPC to `endpoint`. Its cache has the name of its service.
    pub(crate) fn start(endpoint: &str, settings: &Settings<'_>) -> anyhow::Result<Self> {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", settings.temporality),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
            // It exports only on a flush.
            ("OTEL_METRIC_EXPORT_INTERVAL", "3600000"),
        ];
        let guard = setup(&[&variables, settings.more].concat())
            .service_name(settings.service)
            .attribute("service.instance.id", settings.instance.to_owned())
            // A page of its own, to compare with the collector's.
            .metric_exporters([MetricExporter::Otlp, MetricExporter::Prometheus])
            .deadline(Duration::from_secs(30))
            .init()?;
        let cache = workload::cache(settings.service).telemetry(telemetry(&guard)).build();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(Self { guard, cache, runtime, name: settings.service.to_owned() })
    }

    /// Runs the mix of requests once more.
    pub(crate) fn works(&self) -> anyhow::Result<()> {
        self.runtime.block_on(workload::run(&self.cache))?;
        self.cache.invalidate(&0);
        Ok(())
    }

    /// Exports all data, and waits for the answer.
    pub(crate) fn sends(&self) -> anyhow::Result<()> {
        Ok(self.guard.flush()?)
    }

    pub(crate) fn page(&self) -> anyhow::Result<String> {
        let address = self.guard.prometheus_addr().ok_or_else(|| anyhow::anyhow!("it has no page"))?;
        Ok(format!("http://{address}/metrics"))
    }

    /// Its counts, from its own page.
    pub(crate) fn counted(&self) -> anyhow::Result<Series> {
        series::sums(&self.page()?, &self.name)
    }

    /// Shuts down in an orderly way. Returns its counts.
    pub(crate) fn ends(self) -> anyhow::Result<Series> {
        let counted = self.counted()?;
        self.guard.shutdown()?;
        Ok(counted)
    }
}

/// The sum of the counts of all instances.
pub(crate) fn counted<'a>(instances: impl IntoIterator<Item = &'a Instance>) -> anyhow::Result<Series> {
    let mut all = Series::new();
    for instance in instances {
        series::add(&mut all, &instance.counted()?);
    }
    Ok(all)
}
