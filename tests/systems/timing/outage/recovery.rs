//! A collector that comes, goes and comes back: in the end its totals are those of the process.

use std::time::Duration;

use anyhow::Context;
use cachescope::Stats;
use cachescope_harness::{Server, eventually};
use cachescope_tests::numbers::{Numbers, collected, counted};
use cachescope_tests::scrape::samples;

use super::service::Service;

/// Bounds a failure: exports happen every 50 ms, and a lost collector is tried again within 5 s.
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
    collector: Server,
    service: Service,
    truth: Numbers,
}

impl Scene {
    fn open(collector: Server, protocol: &str, runtime: &str, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            // The wait for a hanging collector.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ];
        let service = Service::start(&[runtime, "ordered"], &[&variables, more].concat())?;
        Ok(Self { collector, service, truth: Numbers::new() })
    }

    fn requests(&mut self, count: u64) -> anyhow::Result<()> {
        self.service.order(&count.to_string())?;
        let stats: Stats = serde_json::from_str(&self.service.line()?)?;
        // No load fails.
        self.truth = counted(&stats, "an error");
        Ok(())
    }

    fn shows_the_truth(&self, when: &str) -> anyhow::Result<()> {
        let page = self.collector.metrics_url().context("a collector has one")?;
        let scrape = || {
            let samples = samples(&page)?;
            let samples = samples.iter().flat_map(|sample| {
                use prometheus_parse::Value::{Counter, Untyped};
                match &sample.value {
                    Counter(value) | Untyped(value) => Some((sample.metric.as_str(), &*sample.labels, *value)),
                    _ => None,
                }
            });
            anyhow::Ok(collected(samples, "outage.squares"))
        };
        eventually(when, PATIENCE, scrape, |numbers| *numbers == self.truth)?;
        println!("{when}: {} series agree", self.truth.len());
        Ok(())
    }
}

fn prove(collector: fn() -> anyhow::Result<Server>, protocol: &str, runtime: &str) -> anyhow::Result<()> {
    let mut collector = collector()?;
    collector.refuse_connections();
    let mut scene = Scene::open(collector, protocol, runtime, &[])?;
    scene.requests(100)?;
    scene.collector.accept_connections()?;
    scene.shows_the_truth("away at the start")?;
    scene.collector.kill()?;
    scene.requests(200)?;
    scene.collector.restart()?;
    scene.shows_the_truth("killed")?;
    scene.collector.pause()?;
    scene.requests(300)?;
    scene.collector.resume()?;
    scene.shows_the_truth("paused")?;
    scene.requests(400)?;
    scene.collector.reset_connections();
    scene.shows_the_truth("cut off")?;
    scene.service.end()?;
    Ok(())
}

#[test]
fn totals_are_right_after_outages_over_http() -> anyhow::Result<()> {
    prove(Server::collector_over_http, "http/protobuf", "current_thread")?;
    prove(Server::collector_over_http, "http/json", "multi_thread")
}

#[test]
fn totals_are_right_after_outages_over_grpc() -> anyhow::Result<()> {
    prove(Server::collector_over_grpc, "grpc", "one_worker")
}

#[test]
fn deltas_from_before_the_collector_started_are_in_its_totals() -> anyhow::Result<()> {
    for (start, protocol) in
        [(Server::collector_over_http as fn() -> _, "http/protobuf"), (Server::collector_over_grpc, "grpc")]
    {
        let mut collector = start()?;
        collector.refuse_connections();
        let delta = [("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")];
        let mut scene = Scene::open(collector, protocol, "multi_thread", &delta)?;
        // Several intervals pass without a collector.
        for _ in 0..10 {
            scene.requests(1_000)?;
            std::thread::sleep(Duration::from_millis(50));
        }
        scene.collector.accept_connections()?;
        scene.shows_the_truth("deltas")?;
        scene.service.end()?;
    }
    Ok(())
}
