//! Runs the fleet as a user does: Prometheus shows the counts of the processes, even if a process or the gateway dies.

#[path = "../../program.rs"]
mod program;

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use cachescope_harness::{OtlpProtocol, Server, Stack};
use program::program;
use serde_json::Value;

const GATEWAY: &str = include_str!("../../../collector-config/gateway-aggregate.yaml");

/// Runs the fleet. It starts its own servers unless `variables` select others.
fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program("fleet")?);
    command.arg("--json").args(arguments).stdin(Stdio::null());
    // Without the variables of the environment that runs the tests.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("OTEL_") || ["REDIS_URL", "PROMETHEUS_URL", "CACHESCOPE_TRACES"].contains(&name.as_ref()) {
            command.env_remove(&variable);
        }
    }
    Ok(command.envs(variables.iter().copied()).output()?)
}

/// Returns the JSON of the last line.
fn summary(output: &Output) -> Result<Value> {
    let stdout = std::str::from_utf8(&output.stdout)?;
    let last = stdout.lines().last();
    Ok(serde_json::from_str(last.with_context(|| format!("no JSON: {}", String::from_utf8_lossy(&output.stderr)))?)?)
}

/// Returns the JSON of a successful run.
fn fleet(variables: &[(&str, &str)], arguments: &[&str]) -> Result<Value> {
    let output = run(variables, arguments)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {}\n{stderr}", output.status);
    summary(&output)
}

fn count(summary: &Value, of: &str, by: &str) -> u64 {
    summary[of][by].as_u64().unwrap_or_default()
}

fn sum(summary: &Value, of: &str) -> u64 {
    summary[of].as_object().map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum())
}

/// Returns the collected count of one metric, over all attributes.
fn total(summary: &Value, metric: &str) -> u64 {
    let lines = summary["metrics"].as_array().map_or(&[][..], Vec::as_slice);
    lines.iter().filter(|line| line["metric"] == metric).filter_map(|line| line["collected"].as_u64()).sum()
}

/// Checks that each kind of count occurs.
fn has_all_kinds(summary: &Value) {
    for result in ["hit", "miss", "coalesced", "stale"] {
        assert!(count(summary, "counted", result) > 0, "no {result}: {summary}");
    }
    assert!(sum(summary, "counted_errors") > 0, "no errors: {summary}");
    let metrics = ["load", "wait", "request", "operation"].map(|kind| format!("cachescope.{kind}.duration"));
    for metric in metrics.iter().map(String::as_str).chain(["cachescope.evictions", "cachescope.stale.age"]) {
        assert!(total(summary, metric) > 0, "no {metric}: {summary}");
    }
}

#[test]
fn prometheus_shows_counts_of_processes() -> Result<()> {
    let summary = fleet(&[], &["--instances", "3", "--for", "8s"])?;
    has_all_kinds(&summary);
    assert_eq!((&summary["counted"], &summary["difference"]), (&summary["collected"], &Value::from(0)));
    // The unsent counts of the crashed instance are reported.
    assert!(sum(&summary, "lost_in_crash") > 0 && sum(&summary, "lost_in_restart") == 0, "{summary}");

    let quantiles = summary["quantiles"].as_array().context("no quantiles")?;
    assert_eq!(quantiles.len(), 9, "three of each cache");
    for quantile in quantiles {
        let of = |source: &str| quantile[source].as_f64().with_context(|| format!("no {source}: {quantile}"));
        // The tolerance is the distance of the histogram's bounds, 1, 2.5, 5, 10; the buckets of a cache are finer. On a
        // busy machine a load takes longer than the future that it awaits.
        let (exact, stats, prometheus) = (of("exact")?, of("stats")?, of("prometheus")?);
        assert!(0.9 < stats / exact, "{quantile}");
        assert!(0.35 < prometheus / stats && prometheus / stats < 3.0, "{quantile}");
    }
    Ok(())
}

#[test]
fn lost_counts_are_exact_after_gateway_restart() -> Result<()> {
    let summary = fleet(&[], &["--instances", "3", "--for", "9s", "--gateway-restart"])?;
    has_all_kinds(&summary);
    assert_eq!(summary["difference"], 0);
    let lost = sum(&summary, "lost_in_restart");
    assert!(lost > 0, "the gateway received counts that were never scraped: {summary}");
    assert_eq!(sum(&summary, "counted"), sum(&summary, "collected") + lost);
    Ok(())
}

#[test]
fn cumulative_totals_of_running_instances_survive_gateway_restart() -> Result<()> {
    let summary = fleet(&[], &["--instances", "3", "--for", "9s", "--gateway-restart", "--temporality", "cumulative"])?;
    has_all_kinds(&summary);
    assert_eq!(summary["difference"], 0);
    // The counts of the instance that crashed before.
    assert!(sum(&summary, "lost_in_restart") > 0, "{summary}");
    Ok(())
}

#[test]
fn fleet_uses_given_servers() -> Result<()> {
    let stack = Stack::shared()?;
    let (redis, collector, prometheus) = (stack.redis(), stack.collector(), stack.prometheus());
    let variables = [
        ("REDIS_URL", redis.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.otlp_grpc()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("PROMETHEUS_URL", prometheus.url()),
    ];
    let summary = fleet(&variables, &["--instances", "2", "--for", "5s"])?;
    assert_eq!((&summary["counted"], &summary["difference"]), (&summary["collected"], &Value::from(0)));
    assert!(count(&summary, "collected", "hit") > 0, "{summary}");
    Ok(())
}

#[test]
fn fleet_fails_when_gateway_drops_metric() -> Result<()> {
    let levels = "- type == METRIC_DATA_TYPE_GAUGE";
    ensure!(GATEWAY.matches(levels).count() == 1, "gateway-aggregate.yaml must contain `{levels}` once");
    let config = GATEWAY.replace(levels, &format!("- name == \"cachescope.stale.age\"\n        {levels}"));
    let gateway = Server::collector(OtlpProtocol::Grpc, &config, &[])?;
    let page = gateway.metrics_url().context("a collector has a metrics page")?;
    let address = page.trim_start_matches("http://").trim_end_matches("/metrics");
    let scraping = format!(
        "{{global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}, scrape_configs: \
         [{{job_name: gateway, honor_labels: true, static_configs: [{{targets: [\"{address}\"]}}]}}]}}"
    );
    let prometheus = Server::prometheus(&scraping)?;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", gateway.url()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("PROMETHEUS_URL", prometheus.url()),
    ];
    let output = run(&variables, &["--instances", "2", "--for", "5s"])?;
    let summary = summary(&output)?;
    let lines = summary["metrics"].as_array().context("no metrics")?;
    let differing = |line: &&Value| line["difference"] != 0;
    let missing: u64 = lines.iter().filter(differing).filter_map(|line| line["difference"].as_u64()).sum();
    assert!(!output.status.success() && missing > 0 && summary["difference"] == missing, "{summary}");
    assert!(
        lines.iter().all(|line| (line["difference"] == 0) == (line["metric"] != "cachescope.stale.age")),
        "{summary}"
    );
    Ok(())
}

#[test]
fn fleet_reports_invalid_settings() -> Result<()> {
    let refused = |variables: &[(&str, &str)], arguments: &[&str]| -> Result<String> {
        let output = run(variables, arguments)?;
        ensure!(!output.status.success(), "{arguments:?} should be refused");
        Ok(String::from_utf8(output.stderr)?)
    };
    let nowhere = "redis://127.0.0.1:1/";
    let half = refused(&[("REDIS_URL", nowhere), ("PROMETHEUS_URL", "http://127.0.0.1:1")], &[])?;
    assert!(half.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && half.contains("set both or none"), "{half}");
    let short = refused(&[], &["--for", "1s"])?;
    assert!(short.contains("--for") && short.contains("5s"), "{short}");
    Ok(())
}
