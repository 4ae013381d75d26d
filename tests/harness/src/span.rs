//! Spans, with their references and events.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// The name (Jaeger's operation name).
    pub name: String,
    /// The span id in hex.
    pub span_id: String,
    /// The id of the parent, `None` for a root.
    pub parent_id: Option<String>,
    /// The start, in microseconds since 1970.
    pub start_us: u64,
    /// The duration in microseconds.
    pub duration_us: u64,
    /// The attributes, with values as text. Jaeger adds `span.kind`, `otel.status_code` and, for a failed span, `error`.
    pub tags: BTreeMap<String, String>,
    /// The parent and the links.
    pub references: Vec<Reference>,
    /// The events (Jaeger's logs).
    pub events: Vec<Event>,
    /// The `service.name` of the resource.
    pub service: String,
    /// The other attributes of the resource.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    /// The links: all references except the parent.
    pub fn links(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(|reference| reference.relation == Relation::Link)
    }
}

/// A reference to another span.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reference {
    /// The kind of the reference.
    #[serde(rename = "refType")]
    pub relation: Relation,
    /// The id of the other span's trace.
    #[serde(rename = "traceID")]
    pub trace_id: String,
    /// The id of the other span.
    #[serde(rename = "spanID")]
    pub span_id: String,
}

/// The relation of a span to the span that it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Relation {
    /// The other span is its parent.
    #[serde(rename = "CHILD_OF")]
    Child,
    /// It has a link to the other span.
    #[serde(rename = "FOLLOWS_FROM")]
    Link,
}

/// An event of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The time, in microseconds since 1970.
    pub at_us: u64,
    /// The attributes; the name of the event is `event`.
    pub fields: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_the_references_except_the_parent() {
        let reference = |relation, id: &str| Reference { relation, trace_id: "t".to_owned(), span_id: id.to_owned() };
        let references = vec![reference(Relation::Child, "1"), reference(Relation::Link, "2")];
        let span = Span { references, ..Span::default() };
        assert_eq!(span.links().map(|link| link.span_id.as_str()).collect::<Vec<_>>(), ["2"]);
    }
}
