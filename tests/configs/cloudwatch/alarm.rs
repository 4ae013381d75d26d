//! The metrics of an alarm, and whether they are above or below its threshold.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::api::Api;

/// Whether a value breaches the threshold of an alarm. The service counts the periods.
fn is_breached(alarm: &Value, values: &[f64]) -> Result<bool> {
    let threshold = alarm["Threshold"].as_f64().context("no threshold")?;
    let breached = |value: f64| match alarm["ComparisonOperator"].as_str() {
        Some("LessThanThreshold") => Ok(value < threshold),
        Some("GreaterThanThreshold") => Ok(value > threshold),
        other => bail!("compared by {other:?}"),
    };
    values.iter().try_fold(false, |so_far, value| Ok(so_far || breached(*value)?))
}

/// The queries of an alarm's metrics.
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

/// Whether the metrics of an alarm breach its threshold.
pub(super) fn is_firing(api: &Api<'_>, alarm: &str) -> Result<bool> {
    let alarm = serde_json::from_str(alarm)?;
    is_breached(&alarm, &api.values(&watched(&alarm))?)
}
