//! The graphs of the dashboard, as queries of GetMetricData.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::reference::Reference;

/// The title and the queries of each graph. The double has no percentiles: the count shows whether there is data.
pub(super) fn graphs(body: &str) -> Result<Vec<(String, Vec<Value>)>> {
    let body: Value = serde_json::from_str(body)?;
    let widgets = body["widgets"].as_array().context("no widgets")?.iter();
    let graphs = widgets.filter(|widget| widget["type"] == "metric").map(|widget| {
        let shown = &widget["properties"];
        let lines = shown["metrics"].as_array().context("no metrics")?.iter().enumerate();
        let queries = lines.map(|(at, line)| query(at, line, &shown["stat"], &shown["period"]));
        Ok((shown["title"].as_str().context("no title")?.to_owned(), queries.collect::<Result<_>>()?))
    });
    graphs.collect()
}

fn query(at: usize, line: &Value, stat: &Value, period: &Value) -> Result<Value> {
    let line = line.as_array().context("a line is no list")?;
    let (words, options) = match line.split_last() {
        Some((last, words)) if last.is_object() => (words, last.clone()),
        _ => (&line[..], json!({})),
    };
    let id = options["id"].as_str().map_or_else(|| format!("m{at}"), str::to_owned);
    if let Some(expression) = options["expression"].as_str() {
        return Ok(json!({ "Id": id, "Expression": expression.replace("'p99'", "'SampleCount'") }));
    }
    let reference = Reference::of_line(words, "")?;
    let dimensions: Vec<Value> =
        reference.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let stat = options.get("stat").unwrap_or(stat).as_str().context("no statistic")?;
    let stat = if stat.starts_with('p') { "SampleCount" } else { stat };
    let metric = json!({ "Namespace": words[0], "MetricName": reference.metric, "Dimensions": dimensions });
    let is_shown = options["visible"] != json!(false);
    Ok(json!({ "Id": id, "ReturnData": is_shown, "MetricStat": { "Metric": metric, "Period": period, "Stat": stat } }))
}
