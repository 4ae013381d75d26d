//! The routes of a gateway: the destination of each has all counts.

use std::collections::BTreeMap;

use anyhow::Context as _;
use cachescope_harness::{Prometheus, Server, eventually};
use cachescope_tests::results;
use opentelemetry::trace::{Tracer, TracerProvider};

use super::gateway::Gateway;
use super::instance::{Instance, Settings, counted};
use super::series::{self, awaits};
use super::{PATIENCE, file};

/// Two instances with different temporalities, which have worked and exported.
fn two(gateway: &Gateway, service: &str) -> anyhow::Result<[Instance; 2]> {
    let start = |instance, temporality| {
        let settings = Settings { service, instance, temporality, more: &[] };
        let instance = Instance::start(gateway.server.url(), &settings)?;
        instance.works()?;
        instance.sends()?;
        anyhow::Ok(instance)
    };
    Ok([start("one", "delta")?, start("two", "cumulative")?])
}

fn requests(instances: &[Instance]) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (result, count) in instances.iter().flat_map(|instance| results(&instance.cache.metrics().stats())) {
        *all.entry(result.as_str().to_owned()).or_default() += count;
    }
    all.retain(|_, count| *count != 0);
    all
}

#[test]
fn file_route_has_every_count_and_every_span() -> anyhow::Result<()> {
    const SERVICE: &str = "fleet.file";
    let gateway = Gateway::start(&["gateway-aggregate.yaml", "routes/file.yaml"], &[])?;
    let instances = two(&gateway, SERVICE)?;
    let truth = requests(&instances);
    let read = || file::last(gateway.files.path(), "cachescope.requests", SERVICE, "cachescope.result");
    eventually("the file", PATIENCE, read, |found| *found == truth)?;

    let tracer = instances[0].guard.tracer_provider().tracer("app");
    for n in 0..300 {
        tracer.start(format!("span {n}"));
        // Fewer than the SDK's queue holds.
    }
    instances[0].sends()?;
    let own = |spans: &Vec<file::Line>| spans.iter().filter(|span| span.name.starts_with("span ")).count();
    eventually("its spans", PATIENCE, || file::spans(gateway.files.path()), |spans| own(spans) == 300)?;
    Ok(())
}

#[test]
fn otlp_route_has_every_count() -> anyhow::Result<()> {
    const SERVICE: &str = "fleet.backend";
    let backend = Server::collector_over_http()?;
    let settings = [("CACHESCOPE_BACKEND", backend.url())];
    let gateway = Gateway::start(&["gateway-aggregate.yaml", "routes/otlp.yaml"], &settings)?;
    let truth = counted(&two(&gateway, SERVICE)?)?;
    let page = backend.metrics_url().context("a collector has one")?;
    awaits("a back end", &truth, || series::sums(&page, SERVICE))
}

const PROMETHEUS: &str = "
otlp:
  promote_resource_attributes: [service.name, service.instance.id]
";

#[test]
fn prometheus_route_has_the_names_of_the_page() -> anyhow::Result<()> {
    const SERVICE: &str = "fleet.prometheus";
    for gateway in ["gateway-aggregate.yaml", "gateway.yaml"] {
        let server = Server::prometheus(PROMETHEUS)?;
        let settings = [("CACHESCOPE_PROMETHEUS", server.url())];
        let gateway = Gateway::start(&[gateway, "routes/prometheus.yaml"], &settings)?;
        let truth = requests(&two(&gateway, SERVICE)?);
        let query = format!("sum by (cachescope_result) (cachescope_requests_total{{service_name=\"{SERVICE}\"}}) > 0");
        let prometheus = Prometheus::of(&server);
        let read = || {
            let samples = prometheus.query(&query)?.into_iter();
            let result = |labels: &BTreeMap<_, _>| labels.get("cachescope_result").cloned().context("no result");
            samples.map(|sample| Ok((result(&sample.labels)?, sample.value as u64))).collect::<anyhow::Result<_>>()
        };
        eventually("Prometheus", PATIENCE, read, |found: &BTreeMap<String, u64>| *found == truth)?;
        // Histograms have the names of the page too.
        let durations = prometheus.query("cachescope_request_duration_seconds_count")?;
        assert!(!durations.is_empty());
    }
    Ok(())
}

#[test]
fn instances_have_their_own_series_with_gaps_in_deltas() -> anyhow::Result<()> {
    const SERVICE: &str = "fleet.instances";
    let gateway = Gateway::start(&["gateway.yaml"], &[])?;
    let instances = two(&gateway, SERVICE)?;
    for _ in 0..3 {
        // This export has no data of most histograms.
        instances.iter().try_for_each(Instance::sends)?;
        for instance in &instances {
            instance.works()?;
            instance.sends()?;
        }
    }
    awaits("gateway.yaml", &counted(&instances)?, || gateway.sums(SERVICE))?;
    let samples = series::samples(&gateway.page()?)?;
    let ids = samples.iter().filter(|sample| sample.metric == "cachescope_requests_total");
    let ids: std::collections::BTreeSet<_> =
        ids.filter_map(|sample| sample.labels.get("service_instance_id")).collect();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["one", "two"]);
    Ok(())
}
