//! The text of traces on the page: a line for each span, below its parent.

use std::fmt::Write;

use cachescope_harness::{Reference, Span, Trace};

/// The attributes that are shown beside the name and the time of a span.
const SHOWN: [&str; 8] = [
    "cachescope.result",
    "cachescope.miss.reason",
    "cachescope.tier",
    "cachescope.entry.age",
    "cachescope.load.trigger",
    "cache.hit",
    "db.system.name",
    "error.type",
];

/// Whether times are shown, which differ in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Shown,
    LeftOut,
}

/// A span in its place.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// The number of the trace, from one.
    pub(crate) number: usize,
    /// The branches of the tree before the name.
    pub(crate) branches: String,
    pub(crate) span: &'a Span,
    /// The linked spans, with the numbers of their traces.
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

/// The target of a link, with the number of its trace.
fn found<'a>(traces: &'a [Trace], link: &Reference) -> Option<(usize, &'a Span)> {
    let at = traces.iter().position(|trace| trace.id == link.trace_id)?;
    Some((at + 1, traces[at].spans.iter().find(|span| span.span_id == link.span_id)?))
}

/// The shown attributes of a span.
pub(crate) fn tags(span: &Span, times: Times) -> Vec<String> {
    let shown = SHOWN.iter().filter_map(|name| {
        let value = span.tags.get(*name)?;
        match (*name, times) {
            ("cachescope.entry.age", Times::LeftOut) => Some(format!("{name}=…")),
            ("cachescope.entry.age", Times::Shown) => Some(format!("{name}={:.3}", value.parse::<f64>().ok()?)),
            _ => Some(format!("{name}={value}")),
        }
    });
    shown.collect()
}

pub(crate) fn milliseconds(span: &Span) -> String {
    format!("{:.2} ms", span.duration_us as f64 / 1_000.0)
}

/// The text of `traces`.
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
        let time = if times == Times::Shown { milliseconds(line.span) } else { String::new() };
        let links = line.links.iter().map(|(number, span)| format!("→ {} of {number}", span.name));
        let shown: Vec<String> = links.chain(tags(line.span, times)).collect();
        let written = format!("{:width$}  {time:>8}  {}", name(line), shown.join("  "));
        let _ = writeln!(text, "{}", written.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cachescope_harness::Relation;

    use super::*;

    fn span(id: &str, parent: Option<&str>, duration_us: u64) -> Span {
        let (name, span_id) = (format!("s{id}"), id.to_owned());
        Span { name, span_id, parent_id: parent.map(str::to_owned), duration_us, ..Span::default() }
    }

    #[test]
    fn spans_are_below_their_parents_with_the_targets_of_links() {
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
        assert_eq!(text(&traces, Times::Shown), expected.join("\n"));
        let without = text(&traces, Times::LeftOut);
        assert!(without.contains("→ s2 of 1  cachescope.result=hit  cachescope.entry.age=…"), "{without}");
        assert!(!without.contains("ms"), "{without}");
    }
}
