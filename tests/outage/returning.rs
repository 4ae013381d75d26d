//! A collector that comes, goes and comes back: in the end it shows what the process counted.

use std::time::Duration;

use anyhow::Context;
use cachescope::Stats;
use cachescope_stack::{Server, eventually};
use cachescope_tests::numbers::{Numbers, collected, counted};

use crate::service::Service;

/// Bounds a failure: exports come every 50 ms, and a lost collector is asked again within 5 s.
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
            // How long a collector that hangs is waited for.
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ];
        let service = Service::start(&[runtime, "told"], &[&variables, more].concat())?;
        Ok(Self { collector, service, truth: Numbers::new() })
    }

    fn requests(&mut self, count: u64) -> anyhow::Result<()> {
        self.service.order(&count.to_string())?;
        let stats: Stats = serde_json::from_str(&self.service.line()?)?;
        // Of which there is none.
        self.truth = counted(&stats, "an error");
        Ok(())
    }

    fn shows_the_truth(&self, when: &str) -> anyhow::Result<()> {
        let page = self.collector.metrics_url().context("a collector has one")?;
        let scrape = || {
            let text = ureq::get(&page).call()?.body_mut().read_to_string()?;
            let scrape = prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?;
            let samples = scrape.samples.iter().flat_map(|sample| {
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
fn totals_are_right_over_http() -> anyhow::Result<()> {
    prove(Server::collector_over_http, "http/protobuf", "current_thread")?;
    prove(Server::collector_over_http, "http/json", "multi_thread")
}

#[test]
fn totals_are_right_over_grpc() -> anyhow::Result<()> {
    prove(Server::collector_over_grpc, "grpc", "one_worker")
}

#[test]
fn differences_from_before_the_collector_came_are_in_its_totals() -> anyhow::Result<()> {
    for (start, protocol) in
        [(Server::collector_over_http as fn() -> _, "http/protobuf"), (Server::collector_over_grpc, "grpc")]
    {
        let mut collector = start()?;
        collector.refuse_connections();
        let delta = [("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")];
        let mut scene = Scene::open(collector, protocol, "multi_thread", &delta)?;
        // Enough for several intervals, each of which finds nobody.
        for _ in 0..10 {
            scene.requests(1_000)?;
            std::thread::sleep(Duration::from_millis(50));
        }
        scene.collector.accept_connections()?;
        scene.shows_the_truth("differences")?;
        scene.service.end()?;
    }
    Ok(())
}
