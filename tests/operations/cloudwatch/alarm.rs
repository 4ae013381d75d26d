//! What an alarm watches, and whether it is where the alarm fires.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::api::Api;

/// Whether an alarm's value is where it should fire. How many periods of it make an alarm is for the service.
fn is_breached(alarm: &Value, values: &[f64]) -> Result<bool> {
    let threshold = alarm["Threshold"].as_f64().context("no threshold")?;
    let breached = |value: f64| match alarm["ComparisonOperator"].as_str() {
        Some("LessThanThreshold") => Ok(value < threshold),
        Some("GreaterThanThreshold") => Ok(value > threshold),
        other => bail!("compared by {other:?}"),
    };
    values.iter().try_fold(false, |so_far, value| Ok(so_far || breached(*value)?))
}

/// The queries of what it watches.
fn watched(alarm: &Value) -> Vec<Value> {
    let one = || {
        let metric = json!({
            "Namespace": alarm["Namespace"], "MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"],
        });
        let stat = json!({ "Metric": metric, "Period": alarm["Period"], "Stat": alarm["Statistic"] });
        vec![json!({ "Id": "one", "MetricStat": stat })]
    };
    alarm["Metrics"].as_array().cloned().unwrap_or_else(one)
}

/// Whether what it watches is where it should fire.
pub(super) fn is_firing(api: &Api<'_>, alarm: &str) -> Result<bool> {
    let alarm = serde_json::from_str(alarm)?;
    is_breached(&alarm, &api.values(&watched(&alarm))?)
}
