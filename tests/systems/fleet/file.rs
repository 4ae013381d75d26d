//! The files that `routes/file.yaml` writes: lines of OTLP in JSON.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

/// The ids and the name of a span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Traces {
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    spans: Vec<Span>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    trace_id: String,
    span_id: String,
    name: String,
}

fn lines<T: for<'a> Deserialize<'a>>(file: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    // The last line may be incomplete.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Every span in `traces.jsonl` of a folder, ordered by id.
pub(crate) fn spans(folder: &Path) -> anyhow::Result<Vec<Line>> {
    let traces: Vec<Traces> = lines(&folder.join("traces.jsonl"))?;
    let scopes = traces.into_iter().flat_map(|traces| traces.resource_spans).flat_map(|of| of.scope_spans);
    let mut spans: Vec<Line> = scopes
        .flat_map(|scope| scope.spans)
        .map(|span| Line { trace_id: span.trace_id, span_id: span.span_id, name: span.name })
        .collect();
    spans.sort();
    Ok(spans)
}

/// The last values of the counter `metric` of a cache in `metrics.jsonl`, by attribute `key`.
pub(crate) fn last(folder: &Path, metric: &str, cache: &str, key: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut last: BTreeMap<String, (String, u64)> = BTreeMap::new();
    let each = |value: &Value, list: &str| value[list].as_array().cloned().unwrap_or_default();
    for line in lines::<Value>(&folder.join("metrics.jsonl"))? {
        let scopes = each(&line, "resourceMetrics").into_iter().flat_map(|of| each(&of, "scopeMetrics"));
        let metrics = scopes.flat_map(|scope| each(&scope, "metrics"));
        for point in metrics.filter(|found| found["name"] == metric).flat_map(|found| each(&found["sum"], "dataPoints"))
        {
            let attributes = each(&point, "attributes");
            let attribute = |name: &str| {
                let found = attributes.iter().find(|attribute| attribute["key"] == name);
                found.and_then(|attribute| attribute["value"]["stringValue"].as_str()).unwrap_or_default().to_owned()
            };
            if attribute("cachescope.cache.name") == cache {
                let value: u64 = point["asInt"].as_str().context("a count")?.parse()?;
                // All attributes together identify a series.
                last.insert(point["attributes"].to_string(), (attribute(key), value));
            }
        }
    }
    let mut sums = BTreeMap::new();
    for (key, value) in last.into_values() {
        *sums.entry(key).or_default() += value;
    }
    sums.retain(|_, value| *value != 0);
    Ok(sums)
}
