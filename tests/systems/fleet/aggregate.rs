//! One stream per cache: the gateway shows the sum of all instances, whenever each of them starts, ends or starts again.

use std::collections::BTreeMap;

use super::gateway::Gateway;
use super::instance::{Instance, Settings, counted};
use super::series::{self, Series, awaits};

const EXPONENTIAL: (&str, &str) =
    ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram");

fn prove(service: &str, temporalities: [&str; 2], more: &[(&str, &str)]) -> anyhow::Result<()> {
    let gateway = Gateway::start(&["gateway-aggregate.yaml"], &[])?;
    let start = |number: usize| {
        let (instance, temporality) = (format!("{service}-{number}"), temporalities[number % 2]);
        Instance::start(gateway.server.url(), &Settings { service, instance: &instance, temporality, more })
    };
    let mut instances = Vec::new();
    for number in 0..3 {
        instances.push(start(number)?);
        instances[0].works()?;
        instances[0].sends()?;
    }
    // All instances at once.
    std::thread::scope(|scope| {
        let work = |instance: &Instance| (0..5).try_for_each(|_| instance.works().and_then(|()| instance.sends()));
        let threads: Vec<_> = instances.iter().map(|instance| scope.spawn(move || work(instance))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("it panicked"))?)
    })?;
    // One ends and starts again under its name, and one starts late.
    let ended = instances.remove(1).ends()?;
    instances.extend([start(1)?, start(3)?]);
    for instance in &instances {
        instance.works()?;
        instance.sends()?;
    }
    let mut truth = counted(&instances)?;
    series::add(&mut truth, &ended);
    // Of exponential histograms the text format has only count and sum.
    let exponential = !more.is_empty();
    let without_buckets = |mut series: Series| {
        series.retain(|(_, labels), _| !(exponential && labels.contains_key("le")));
        series
    };
    truth = without_buckets(truth);
    awaits(&format!("{service}, {temporalities:?}"), &truth, || Ok(without_buckets(gateway.sums(service)?)))?;
    shows_levels_by_instance_and_nothing_else(&gateway, service, &instances)?;
    drops_nothing(&gateway)
}

fn shows_levels_by_instance_and_nothing_else(
    gateway: &Gateway,
    service: &str,
    instances: &[Instance],
) -> anyhow::Result<()> {
    const LEVEL: &str = "cachescope_entry_count";
    let shown = series::usage(&gateway.page()?, LEVEL, service)?;
    let own = instances.iter().map(|instance| series::usage(&instance.page()?, LEVEL, service));
    // The pages of instances don't name the instance.
    let mut own: Vec<f64> =
        own.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flat_map(BTreeMap::into_values).collect();
    let mut of_each: Vec<f64> = shown.values().copied().collect();
    own.sort_by(f64::total_cmp);
    of_each.sort_by(f64::total_cmp);
    assert!(own.len() == instances.len() && of_each == own, "{shown:?}, {own:?}");
    for sample in series::samples(&gateway.page()?)? {
        let adds_up =
            matches!(sample.value, prometheus_parse::Value::Counter(_) | prometheus_parse::Value::Histogram(_));
        let of_one = sample.labels.get("service_instance_id").is_some() || sample.labels.get("instance").is_some();
        assert!(!(adds_up && of_one), "{sample:?}");
    }
    Ok(())
}

fn drops_nothing(gateway: &Gateway) -> anyhow::Result<()> {
    let taken = gateway.own("otelcol_deltatocumulative_datapoints", |labels| labels.get("error").is_none())?;
    let dropped = gateway.own("otelcol_deltatocumulative_datapoints", |labels| labels.get("error").is_some())?;
    assert!(taken > 0.0 && dropped == 0.0, "{taken} taken, {dropped} dropped");
    Ok(())
}

#[test]
fn sums_are_exact_with_delta_temporality() -> anyhow::Result<()> {
    prove("fleet.delta", ["delta", "delta"], &[])
}

#[test]
fn sums_are_exact_with_cumulative_temporality() -> anyhow::Result<()> {
    prove("fleet.cumulative", ["cumulative", "cumulative"], &[])
}

#[test]
fn sums_are_exact_with_both_temporalities() -> anyhow::Result<()> {
    prove("fleet.both", ["delta", "cumulative"], &[])
}

#[test]
fn sums_are_exact_with_exponential_histograms() -> anyhow::Result<()> {
    prove("fleet.exponential", ["delta", "cumulative"], &[EXPONENTIAL])
}
