//! Traces.

use anyhow::Result;
use serde_json::Value;

use crate::answer;
use crate::span::Span;

/// A trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The trace id in hex, without leading zeros as Jaeger writes it.
    pub id: String,
    /// The spans, earliest first.
    pub spans: Vec<Span>,
}

impl Trace {
    /// Parses an answer of Jaeger's `/api/traces`.
    ///
    /// # Errors
    /// When it is another answer.
    pub fn all(answer: &Value) -> Result<Vec<Self>> {
        answer::traces(answer)
    }

    /// The spans with that name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Span> {
        self.spans.iter().filter(move |span| span.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_found_by_name() {
        let span = |name: &str, id: &str| Span { name: name.to_owned(), span_id: id.to_owned(), ..Span::default() };
        let spans = vec![span("get", "1"), span("load", "2"), span("get", "3")];
        let trace = Trace { id: "t".to_owned(), spans };
        assert_eq!(trace.named("get").map(|span| span.span_id.as_str()).collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(trace.named("put").count(), 0);
    }
}
