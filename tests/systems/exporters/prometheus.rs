//! A real Prometheus scrapes both formats, over TLS and with a password, or receives OTLP, and has the counts of the
//! process. Its linter accepts the metrics.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cachescope::metrics::names::{Instrument, metrics};
use cachescope::otel::{Guard, MetricExporter};
use cachescope::{Moka, QuickCache, Shared, Stats, Tiered, cached};
use cachescope_harness::{Prometheus, Server, eventually, promtool};
use cachescope_prometheus::{BasicAuth, Endpoint, Exporter, Format, Metrics, Tls};
use cachescope_testing::InMemory;
use cachescope_tests::numbers::{Numbers, collected, counted};
use cachescope_tests::setup::{setup, telemetry};
use cachescope_tests::workload::{self, Refused};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;

/// Bounds a failure: a scrape comes five times a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sets up an exporter of a page that the test serves or reads itself.
fn paged(service: &'static str) -> Result<Guard> {
    let setup = setup(&[]).service_name(service).metric_exporters([MetricExporter::Prometheus]);
    Ok(setup.trace_exporters([]).serve_prometheus(false).init()?)
}

/// Runs the known mix, and returns the cache with its stats.
fn counts(guard: &Guard, name: &'static str) -> Result<(workload::Cache, Stats)> {
    let cache = workload::cache(name).telemetry(telemetry(guard)).build();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build()?;
    runtime.block_on(workload::run(&cache))?;
    cache.invalidate(&0);
    let stats = cache.metrics().stats();
    workload::check(&stats)?;
    Ok((cache, stats))
}

fn queried(prometheus: &Prometheus, cache: &str, job: &str) -> Result<Numbers> {
    let samples = prometheus.query(&format!("{{cachescope_cache_name=\"{cache}\",job=\"{job}\"}}"))?;
    let samples = samples.iter().filter_map(|s| Some((s.labels.get("__name__")?.as_str(), &s.labels, s.value)));
    Ok(collected(samples, cache))
}

/// A job for each format, and one with a wrong password.
fn scraping(addr: SocketAddr, ca: &str) -> String {
    let jobs = [
        ("default", "", "open sesame"),
        ("openmetrics", "    scrape_protocols: [OpenMetricsText1.0.0]\n", "open sesame"),
        ("text", "    scrape_protocols: [PrometheusText0.0.4]\n", "open sesame"),
        ("stranger", "", "let me in"),
    ];
    let jobs = jobs.map(|(job, protocols, password)| {
        format!(
            "  - job_name: {job}\n    scheme: https\n    scrape_interval: 200ms\n    scrape_timeout: 200ms\n{protocols}    \
             tls_config: {{ca_file: '{ca}', server_name: localhost}}\n    \
             basic_auth: {{username: Aladdin, password: {password}}}\n    \
             static_configs: [{{targets: ['{addr}']}}]\n"
        )
    });
    format!("scrape_configs:\n{}", jobs.concat())
}

#[test]
fn prometheus_has_the_counts_of_the_process_in_both_formats_over_tls_with_a_password() -> Result<()> {
    let guard = paged("scraped")?;
    let (_cache, stats) = counts(&guard, "prometheus.scraped")?;
    let truth = counted(&stats, std::any::type_name::<Refused>());

    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let folder = tempfile::tempdir()?;
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, signed.cert.pem())?;
    let tls = Tls::from_pem(signed.cert.pem().as_bytes(), signed.signing_key.serialize_pem().as_bytes())?;
    let auth = BasicAuth::new("Aladdin", "open sesame")?;
    let endpoint = Endpoint::new(([127, 0, 0, 1], 0).into()).tls(tls).basic_auth(auth);
    let metrics = guard.prometheus().context("no Prometheus exporter")?;
    let serving = metrics.serve_on_thread(endpoint)?;

    let server = Server::prometheus(&scraping(serving.addr(), &ca.display().to_string()))?;
    let prometheus = Prometheus::of(&server);
    for job in ["default", "openmetrics", "text"] {
        let ask = || queried(&prometheus, "prometheus.scraped", job);
        assert_eq!(eventually(job, PATIENCE, ask, |numbers| *numbers == truth)?, truth, "{job}");
    }
    // Only OpenMetrics has this series: Prometheus asks for it by default, and each job got its format.
    let created = prometheus.query("count by (job) (cachescope_requests_created)")?;
    let jobs: BTreeSet<_> = created.iter().map(|sample| sample.labels["job"].as_str()).collect();
    assert_eq!(jobs, BTreeSet::from(["default", "openmetrics"]), "{created:?}");
    assert_eq!(unit(&server, "openmetrics", "cachescope_request_duration_seconds")?, "seconds");

    let stranger = "up{job=\"stranger\"}";
    prometheus.eventually(stranger, PATIENCE, |samples| samples.iter().any(|sample| sample.value == 0.0))?;
    assert_eq!(queried(&prometheus, "prometheus.scraped", "stranger")?, Numbers::new());
    Ok(())
}

/// The unit of a metric in Prometheus.
fn unit(server: &Server, job: &str, metric: &str) -> Result<String> {
    let url = format!("{}/api/v1/targets/metadata", server.url());
    let target = format!("{{job=\"{job}\"}}");
    let mut answer = ureq::get(&url).query("match_target", &target).query("metric", metric).call()?;
    let answer: serde_json::Value = answer.body_mut().read_json()?;
    Ok(answer["data"][0]["unit"].as_str().with_context(|| format!("no unit in {answer}"))?.to_owned())
}

#[test]
fn prometheus_has_the_counts_of_the_process_by_otlp() -> Result<()> {
    let server = Server::prometheus("otlp: {keep_identifying_resource_attributes: true}\n")?;
    let endpoint = format!("{}/api/v1/otlp/v1/metrics", server.url());
    let variables =
        [("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &*endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")];
    let setup = setup(&variables).service_name("sent").metric_exporters([MetricExporter::Otlp]);
    let guard = setup.trace_exporters([]).init()?;
    let (_cache, stats) = counts(&guard, "prometheus.sent")?;
    let truth = counted(&stats, std::any::type_name::<Refused>());
    guard.flush()?;
    let prometheus = Prometheus::of(&server);
    let ask = || queried(&prometheus, "prometheus.sent", "sent");
    assert_eq!(eventually("Prometheus", PATIENCE, ask, |numbers| *numbers == truth)?, truth);
    Ok(())
}

/// The lines of `promtool check metrics`.
fn complaints(page: &str) -> Result<Vec<String>> {
    let mut linter = Command::new(promtool()?)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    linter.stdin.take().context("no stdin")?.write_all(page.as_bytes())?;
    let output = linter.wait_with_output()?;
    // 3 means complaints, 1 unreadable input.
    let report = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(matches!(output.status.code(), Some(0 | 3)), "{}: {report}", output.status);
    Ok(report.lines().map(str::to_owned).collect())
}

/// `cachescope.entry.count` follows OpenTelemetry's names (`db.client.connection.count`), but the linter expects `_count`
/// only in histograms.
fn is_about_a_count(complaint: &str) -> bool {
    complaint == "cachescope_entry_count non-histogram and non-summary metrics should not have \"_count\" suffix"
}

#[test]
fn linter_accepts_the_export_of_caches() -> Result<()> {
    let guard = paged("linted")?;
    let (cache, _) = counts(&guard, "linted")?;
    let double = |n: u64| async move { 2 * n };
    let quick =
        cached("linted.quick", double).store(QuickCache::with_capacity(10)).telemetry(telemetry(&guard)).build();
    let shared = Shared::new(InMemory::new(cachescope::Clock::system()));
    let store = Tiered::new(Moka::with_byte_limit(1_000, |_, _| 8), shared);
    let tiered = cached("linted.tiered", double).store(store).telemetry(telemetry(&guard)).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        for key in (0..50).chain(0..50) {
            quick.call(key).await;
            tiered.call(key).await;
        }
    });
    let page = guard.prometheus().context("no Prometheus exporter")?.encode()?;
    for series in ["cachescope_requests_total{", "cachescope_request_duration_seconds_bucket{", "\ntarget_info{"] {
        assert!(page.contains(series), "{series} in\n{page}");
    }
    let complaints: Vec<_> = complaints(&page)?.into_iter().filter(|line| !is_about_a_count(line)).collect();
    assert_eq!(complaints, Vec::<String>::new());
    drop((cache, quick, tiered));
    Ok(())
}

/// Records one value with an instrument for each metric of the contract.
fn record_all(meter: &Meter) -> Result<()> {
    for metric in metrics::ALL {
        let set = [KeyValue::new("cachescope.cache.name", "all")];
        match metric.instrument {
            Instrument::Counter => {
                meter
                    .u64_counter(metric.name)
                    .with_unit(metric.unit)
                    .with_description(metric.brief)
                    .build()
                    .add(1, &set);
            }
            Instrument::UpDownCounter => {
                let counter = meter.i64_up_down_counter(metric.name).with_unit(metric.unit);
                counter.with_description(metric.brief).build().add(1, &set);
            }
            Instrument::Gauge => {
                let gauge = meter.f64_gauge(metric.name).with_unit(metric.unit);
                gauge.with_description(metric.brief).build().record(1.0, &set);
            }
            Instrument::Histogram => {
                let histogram = meter.f64_histogram(metric.name).with_unit(metric.unit);
                histogram.with_description(metric.brief).build().record(1.0, &set);
            }
            unknown => bail!("{} is a {unknown:?}, which this test can't make", metric.name),
        }
    }
    Ok(())
}

fn all_metrics() -> Result<(SdkMeterProvider, Metrics)> {
    let (reader, metrics) = Exporter::new().build();
    let resource = Resource::builder().with_service_name("all").build();
    let provider = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
    record_all(&provider.meter(cachescope::metrics::names::SCOPE))?;
    Ok((provider, metrics))
}

#[test]
fn linter_accepts_every_metric_of_the_contract() -> Result<()> {
    let (_provider, metrics_of_all) = all_metrics()?;
    let page = metrics_of_all.encode()?;
    let families = page.lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(families, metrics::ALL.len() + 1, "{page}");
    assert_eq!(metrics_of_all.stats().total_dropped(), 0);
    assert_eq!(metrics_of_all.encode_as(Format::OpenMetrics)?.matches("# TYPE ").count(), families);
    let (of_counts, complaints): (Vec<_>, Vec<_>) =
        complaints(&page)?.into_iter().partition(|line| is_about_a_count(line));
    assert_eq!((complaints, of_counts.len()), (Vec::<String>::new(), 1), "{of_counts:?}");
    Ok(())
}

#[test]
fn linter_rejects_a_wrong_metric() -> Result<()> {
    let report = complaints("# TYPE a_milliseconds gauge\na_milliseconds 1\n")?;
    assert!(report.iter().any(|line| line.contains("no help text")), "{report:?}");
    Ok(())
}
