//! Answers of Jaeger's API in their wire format.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::span::{Event, Reference, Relation, Span};
use crate::trace::Trace;

#[derive(Deserialize)]
struct Answer {
    data: Vec<RawTrace>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTrace {
    #[serde(rename = "traceID")]
    id: String,
    spans: Vec<RawSpan>,
    processes: BTreeMap<String, RawProcess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpan {
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    references: Option<Vec<Reference>>,
    start_time: u64,
    duration: u64,
    tags: Option<Vec<Tag>>,
    logs: Option<Vec<RawLog>>,
    #[serde(rename = "processID")]
    process: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProcess {
    service_name: String,
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
struct RawLog {
    timestamp: u64,
    fields: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    value: Value,
}

fn texts(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    tags.into_iter().flatten().map(|tag| (tag.key, text(tag.value))).collect()
}

/// The traces in an answer of `/api/traces`.
pub(crate) fn traces(answer: &Value) -> Result<Vec<Trace>> {
    let answer = Answer::deserialize(answer).with_context(|| format!("not an answer with traces: {answer}"))?;
    Ok(answer.data.into_iter().map(trace).collect())
}

fn trace(raw: RawTrace) -> Trace {
    let processes: BTreeMap<String, (String, BTreeMap<String, String>)> =
        raw.processes.into_iter().map(|(id, process)| (id, (process.service_name, texts(process.tags)))).collect();
    let mut spans: Vec<Span> = raw
        .spans
        .into_iter()
        .map(|span| {
            let (service, resource) = processes.get(&span.process).cloned().unwrap_or_default();
            let references = span.references.unwrap_or_default();
            let parent = references.iter().find(|other| other.relation == Relation::Child && other.trace_id == raw.id);
            Span {
                name: span.operation_name,
                span_id: span.span_id,
                parent_id: parent.map(|other| other.span_id.clone()),
                start_us: span.start_time,
                duration_us: span.duration,
                tags: texts(span.tags),
                events: span.logs.into_iter().flatten().map(event).collect(),
                references,
                service,
                resource,
            }
        })
        .collect();
    spans.sort_by_key(|span| span.start_us);
    Trace { id: raw.id, spans }
}

fn event(log: RawLog) -> Event {
    Event { at_us: log.timestamp, fields: texts(log.fields) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trace_has_parents_links_tags_events_and_resource() {
        let span = |id: &str, start: u64, references: Value| {
            json!({"traceID": "t", "spanID": id, "operationName": "load", "references": references,
                "startTime": start, "duration": 5, "processID": "p1", "warnings": null,
                "tags": [{"key": "hit", "type": "bool", "value": true}, {"key": "n", "type": "int64", "value": 7}],
                "logs": [{"timestamp": 3, "fields": [{"key": "event", "type": "string", "value": "evicted"}]}]})
        };
        let references = json!([{"refType": "FOLLOWS_FROM", "traceID": "other", "spanID": "x"},
            {"refType": "CHILD_OF", "traceID": "t", "spanID": "root"}]);
        let answer = json!({"data": [{"traceID": "t", "spans": [span("child", 9, references), span("root", 1, json!([]))],
            "processes": {"p1": {"serviceName": "shop", "tags": [{"key": "host", "type": "string", "value": "a"}]}}}],
            "total": 0, "errors": null});
        let found = traces(&answer).unwrap();
        let [root, child] = &found[0].spans[..] else { panic!("{found:?}") };
        assert_eq!((root.span_id.as_str(), root.parent_id.as_deref()), ("root", None));
        assert_eq!(child.parent_id.as_deref(), Some("root"));
        assert_eq!(child.links().map(|link| link.trace_id.as_str()).collect::<Vec<_>>(), ["other"]);
        assert_eq!((child.tags["hit"].as_str(), child.tags["n"].as_str()), ("true", "7"));
        assert_eq!(child.events[0].fields["event"], "evicted");
        assert_eq!((child.service.as_str(), child.resource["host"].as_str()), ("shop", "a"));
    }

    #[test]
    fn answer_with_errors_is_an_error() {
        assert!(traces(&json!({"errors": [{"msg": "no"}]})).is_err());
    }
}
