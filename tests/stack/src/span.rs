//! A span, and what it holds.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// What it is called (Jaeger's operation name).
    pub name: String,
    /// The span id in hex.
    pub span_id: String,
    /// The span it is a child of, `None` for a root.
    pub parent_id: Option<String>,
    /// Start, in microseconds since 1970.
    pub start_us: u64,
    /// Duration in microseconds.
    pub duration_us: u64,
    /// Its attributes, every value as text. Jaeger adds `span.kind`, `otel.status_code` and, for a failed span,
    /// `error`.
    pub tags: BTreeMap<String, String>,
    /// Parent and links.
    pub references: Vec<Reference>,
    /// Its events, as Jaeger's logs.
    pub events: Vec<Event>,
    /// The `service.name` of its resource.
    pub service: String,
    /// The other attributes of its resource.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    /// The spans it is linked to: every reference but the parent.
    pub fn links(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(|reference| reference.relation == Relation::Link)
    }
}

/// Another span a span points to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reference {
    /// As parent or as link.
    #[serde(rename = "refType")]
    pub relation: Relation,
    /// The other's trace.
    #[serde(rename = "traceID")]
    pub trace_id: String,
    /// The other's span id.
    #[serde(rename = "spanID")]
    pub span_id: String,
}

/// How a span relates to the one it points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Relation {
    /// It is the other's child.
    #[serde(rename = "CHILD_OF")]
    Child,
    /// It has a span link to the other.
    #[serde(rename = "FOLLOWS_FROM")]
    Link,
}

/// Something that happened within a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in microseconds since 1970.
    pub at_us: u64,
    /// Its attributes; the event's name is under `event`.
    pub fields: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_reference_that_is_no_parent() {
        let reference = |relation, id: &str| Reference { relation, trace_id: "t".to_owned(), span_id: id.to_owned() };
        let references = vec![reference(Relation::Child, "1"), reference(Relation::Link, "2")];
        let span = Span { references, ..Span::default() };
        assert_eq!(span.links().map(|link| link.span_id.as_str()).collect::<Vec<_>>(), ["2"]);
    }
}
