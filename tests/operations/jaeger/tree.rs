//! Traces as the page shows them: a line for each span, below the span that it is part of.

use std::fmt::Write;

use cachescope_stack::{Reference, Span, Trace};

/// What is said of a span beside its name and time; the rest says where and by what it was made.
const TOLD: [&str; 8] = [
    "cachescope.result",
    "cachescope.miss.reason",
    "cachescope.tier",
    "cachescope.entry.age",
    "cachescope.load.trigger",
    "cache.hit",
    "db.system.name",
    "error.type",
];

/// Whether times are told: no two runs take the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Told,
    LeftOut,
}

/// A span in its place.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// Of the trace, from one.
    pub(crate) number: usize,
    /// What is before the name.
    pub(crate) branches: String,
    pub(crate) span: &'a Span,
    /// The spans that it is linked to: number of the trace, and span.
    pub(crate) links: Vec<(usize, &'a Span)>,
}

/// All spans of `traces`, parents first, and siblings by their start.
pub(crate) fn lines(traces: &[Trace]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (at, trace) in traces.iter().enumerate() {
        let roots = trace.spans.iter().filter(|span| span.parent_id.is_none());
        roots.for_each(|root| below(traces, at, root, "", "", &mut lines));
    }
    lines
}

fn below<'a>(traces: &'a [Trace], at: usize, span: &'a Span, branch: &str, stem: &str, lines: &mut Vec<Line<'a>>) {
    let links = span.links().filter_map(|link| found(traces, link)).collect();
    lines.push(Line { number: at + 1, branches: format!("{stem}{branch}"), span, links });
    let stem = match branch {
        "├─ " => format!("{stem}│  "),
        "└─ " => format!("{stem}   "),
        _ => String::new(),
    };
    let children = || traces[at].spans.iter().filter(|child| child.parent_id.as_ref() == Some(&span.span_id));
    let last = children().count().saturating_sub(1);
    for (place, child) in children().enumerate() {
        below(traces, at, child, if place == last { "└─ " } else { "├─ " }, &stem, lines);
    }
}

/// The span that a link leads to, and the number of its trace.
fn found<'a>(traces: &'a [Trace], link: &Reference) -> Option<(usize, &'a Span)> {
    let at = traces.iter().position(|trace| trace.id == link.trace_id)?;
    Some((at + 1, traces[at].spans.iter().find(|span| span.span_id == link.span_id)?))
}

/// What is told of a span.
pub(crate) fn tags(span: &Span, times: Times) -> Vec<String> {
    let told = TOLD.iter().filter_map(|name| {
        let value = span.tags.get(*name)?;
        match (*name, times) {
            ("cachescope.entry.age", Times::LeftOut) => Some(format!("{name}=…")),
            ("cachescope.entry.age", Times::Told) => Some(format!("{name}={:.3}", value.parse::<f64>().ok()?)),
            _ => Some(format!("{name}={value}")),
        }
    });
    told.collect()
}

pub(crate) fn milliseconds(span: &Span) -> String {
    format!("{:.2} ms", span.duration_us as f64 / 1_000.0)
}

/// `traces` in lines of text.
pub(crate) fn text(traces: &[Trace], times: Times) -> String {
    let lines = lines(traces);
    let name = |line: &Line<'_>| {
        let number = if line.branches.is_empty() { format!("{}  ", line.number) } else { "   ".to_owned() };
        format!("{number}{}{}", line.branches, line.span.name)
    };
    let width = lines.iter().map(|line| name(line).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for line in &lines {
        if line.branches.is_empty() && line.number > 1 {
            text.push('\n');
        }
        let time = if times == Times::Told { milliseconds(line.span) } else { String::new() };
        let links = line.links.iter().map(|(number, span)| format!("→ {} of {number}", span.name));
        let told: Vec<String> = links.chain(tags(line.span, times)).collect();
        let written = format!("{:width$}  {time:>8}  {}", name(line), told.join("  "));
        let _ = writeln!(text, "{}", written.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cachescope_stack::Relation;

    use super::*;

    fn span(id: &str, parent: Option<&str>, duration_us: u64) -> Span {
        let (name, span_id) = (format!("s{id}"), id.to_owned());
        Span { name, span_id, parent_id: parent.map(str::to_owned), duration_us, ..Span::default() }
    }

    #[test]
    fn spans_are_below_their_parents_and_links_say_where_they_lead() {
        let mut linked = span("5", None, 5);
        linked.references = vec![Reference { relation: Relation::Link, trace_id: "a".into(), span_id: "2".into() }];
        linked.tags = BTreeMap::from([("cachescope.result".into(), "hit".into()), ("internal".into(), "x".into())]);
        linked.tags.insert("cachescope.entry.age".into(), "0.25049".into());
        let spans =
            vec![span("1", None, 1_500), span("2", Some("1"), 90), span("3", Some("2"), 80), span("4", Some("1"), 10)];
        let traces = [Trace { id: "a".into(), spans }, Trace { id: "b".into(), spans: vec![linked] }];
        let expected = [
            "1  s1         1.50 ms",
            "   ├─ s2      0.09 ms",
            "   │  └─ s3   0.08 ms",
            "   └─ s4      0.01 ms",
            "",
            "2  s5         0.01 ms  → s2 of 1  cachescope.result=hit  cachescope.entry.age=0.250",
            "",
        ];
        assert_eq!(text(&traces, Times::Told), expected.join("\n"));
        let without = text(&traces, Times::LeftOut);
        assert!(without.contains("→ s2 of 1  cachescope.result=hit  cachescope.entry.age=…"), "{without}");
        assert!(!without.contains("ms"), "{without}");
    }
}
