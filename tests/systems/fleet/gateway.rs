//! A collector with unchanged files of `collector-config/`.

use anyhow::Context;
use cachescope_harness::{OtlpProtocol, Server};
use prometheus_parse::Value;
use tempfile::TempDir;

use super::series::{self, Series};
use cachescope_tests::collector_config;

/// A gateway that accepts OTLP over gRPC.
pub(crate) struct Gateway {
    pub(crate) server: Server,
    /// The folder to which `routes/file.yaml` writes.
    pub(crate) files: TempDir,
}

impl Gateway {
    /// Starts a gateway with these files, merged in this order.
    pub(crate) fn start(names: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let texts = names.iter().map(|name| collector_config::text(name)).collect::<anyhow::Result<Vec<_>>>()?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let files = tempfile::tempdir()?;
        let usual = [
            ("CACHESCOPE_FILES", files.path().to_str().context("a path of text")?),
            // No server listens there, so that no other server gets these traces.
            ("CACHESCOPE_TRACES", "127.0.0.1:9"),
        ];
        let server = Server::merged_collector(OtlpProtocol::Grpc, &texts, &[&usual, settings].concat())?;
        Ok(Self { server, files })
    }

    pub(crate) fn page(&self) -> anyhow::Result<String> {
        self.server.metrics_url().context("a collector has one")
    }

    /// Its series of caches whose names begin with `caches`.
    pub(crate) fn sums(&self, caches: &str) -> anyhow::Result<Series> {
        series::sums(&self.page()?, caches)
    }

    /// The sum of one of its own metrics over the series whose labels `is_meant` accepts.
    pub(crate) fn own(
        &self,
        metric: &str,
        is_meant: impl Fn(&prometheus_parse::Labels) -> bool,
    ) -> anyhow::Result<f64> {
        let samples = series::samples(&self.server.self_metrics_url().context("a collector has one")?)?;
        let values = samples.iter().filter(|sample| sample.metric == metric && is_meant(&sample.labels));
        Ok(values
            .filter_map(|sample| match sample.value {
                Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => Some(value),
                Value::Histogram(_) | Value::Summary(_) => None,
            })
            .sum())
    }
}
