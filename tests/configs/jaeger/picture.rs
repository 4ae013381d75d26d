//! A picture of traces: a row for each span, a bar for its time, and a dashed line for each link.

use cachescope_harness::{Span, Trace};
use svg::Document;
use svg::node::element::{Circle, Line as Rule, Path, Rectangle, Text, Title};

use super::tree::{self, Line, Times};

const WIDTH: f64 = 1_420.0;
const NAMES: f64 = 290.0;
const MARGIN: f64 = 16.0;
const ROW: f64 = 24.0;
const BAR: f64 = 12.0;
/// The width of the text to the right of a bar.
const TAGS: f64 = 760.0;
/// The minimal width of a bar.
const LEAST: f64 = 3.0;

const INK: &str = "#1f2328";
const FAINT: &str = "#656d76";
const RULE: &str = "#d8dee4";
const LINK: &str = "#8250df";

/// The place of a row.
struct Row<'a> {
    line: Line<'a>,
    top: f64,
    left: f64,
    width: f64,
}

impl Row<'_> {
    fn middle(&self) -> f64 {
        self.top + ROW / 2.0
    }
}

/// Draws `traces` to one scale. Linked traces have one time axis, so that waits are visible. Other traces each have
/// their own.
pub(crate) fn drawn(traces: &[Trace]) -> String {
    let axes = axes(traces);
    let longest = axes.iter().map(|(start, end)| end - start).max().unwrap_or(1).max(1);
    let scale = (WIDTH - NAMES - TAGS - MARGIN) / longest as f64;
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut top = MARGIN;
    for line in tree::lines(traces) {
        if line.branches.is_empty() && !rows.is_empty() {
            top += ROW / 2.0;
        }
        let left = NAMES + (line.span.start_us - axes[line.number - 1].0) as f64 * scale;
        let width = (line.span.duration_us as f64 * scale).max(LEAST);
        rows.push(Row { line, top, left, width });
        top += ROW;
    }
    let height = top + MARGIN;
    let mut picture = Document::new()
        .set("viewBox", (0, 0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .set("font-family", "system-ui, sans-serif")
        .set("font-size", 13)
        .add(Title::new("Traces of four requests"))
        .add(Rectangle::new().set("width", WIDTH).set("height", height).set("fill", "#ffffff"));
    for row in &rows {
        picture = add_row(picture, row);
    }
    for row in &rows {
        for (number, target) in &row.line.links {
            let is_target =
                |other: &&Row<'_>| other.line.number == *number && other.line.span.span_id == target.span_id;
            if let Some(other) = rows.iter().find(is_target) {
                picture = add_link(picture, row, other);
            }
        }
    }
    format!("{picture}\n")
}

/// The start and the end of each trace's time axis, in microseconds.
fn axes(traces: &[Trace]) -> Vec<(u64, u64)> {
    let ends = |trace: &Trace| trace.spans.iter().map(|span| span.start_us + span.duration_us).max().unwrap_or(0);
    let starts = |trace: &Trace| trace.spans.first().map_or(0, |span| span.start_us);
    let mut axes: Vec<(u64, u64)> = traces.iter().map(|trace| (starts(trace), ends(trace))).collect();
    for line in tree::lines(traces) {
        for (number, _) in line.links {
            let ((one, other), (end, other_end)) =
                ((axes[line.number - 1].0, axes[number - 1].0), (axes[line.number - 1].1, axes[number - 1].1));
            let both = (one.min(other), end.max(other_end));
            axes[line.number - 1] = both;
            axes[number - 1] = both;
        }
    }
    axes
}

fn text(content: &str, x: f64, row: &Row<'_>, fill: &str) -> Text {
    Text::new(content).set("x", rounded(x)).set("y", rounded(row.middle() + 4.5)).set("fill", fill)
}

fn add_row(picture: Document, row: &Row<'_>) -> Document {
    let (line, depth) = (&row.line, row.line.branches.chars().count() as f64 / 3.0);
    let mut picture = picture.add(
        Rule::new()
            .set("x1", MARGIN)
            .set("x2", WIDTH - MARGIN)
            .set("y1", row.top + ROW)
            .set("y2", row.top + ROW)
            .set("stroke", RULE)
            .set("stroke-width", if line.branches.is_empty() { 1.0 } else { 0.5 }),
    );
    if line.branches.is_empty() {
        picture = picture.add(text(&line.number.to_string(), MARGIN, row, FAINT).set("font-weight", "bold"));
    }
    let name = text(&line.span.name, MARGIN + 18.0 + 16.0 * depth, row, INK);
    let name = if line.branches.is_empty() { name.set("font-weight", "bold") } else { name };
    let shown: Vec<String> =
        [tree::milliseconds(line.span)].into_iter().chain(tree::tags(line.span, Times::Shown)).collect();
    picture
        .add(name)
        .add(
            Rectangle::new()
                .set("x", rounded(row.left))
                .set("y", row.middle() - BAR / 2.0)
                .set("width", rounded(row.width))
                .set("height", BAR)
                .set("rx", 2)
                .set("fill", colour(line.span)),
        )
        .add(text(&shown.join(" · "), row.left + row.width + 8.0, row, FAINT).set("font-size", 11))
}

/// The colour of a span, by its cache attributes.
fn colour(span: &Span) -> &'static str {
    let result = span.tags.get("cachescope.result").map(String::as_str);
    match (span.tags.contains_key("error.type"), result) {
        (true, _) => "#cf222e",
        (_, Some("hit")) => "#2da44e",
        (_, Some("stale")) => "#d4a72c",
        (_, Some("coalesced")) => "#54aeff",
        (_, Some(_)) => "#fb8f44",
        (_, None) if span.tags.contains_key("cachescope.load.trigger") => "#a475f9",
        (_, None) => "#afb8c1",
    }
}

/// Adds a line from the left of one bar to the left of another, around the rows between.
fn add_link(picture: Document, from: &Row<'_>, to: &Row<'_>) -> Document {
    let left = from.left.min(to.left) - 14.0;
    let [from_x, from_y, to_x, to_y, left] = [from.left, from.middle(), to.left - 2.0, to.middle(), left].map(rounded);
    let path = Path::new()
        .set("d", format!("M{from_x} {from_y} C{left} {from_y} {left} {to_y} {to_x} {to_y}"))
        .set("fill", "none")
        .set("stroke", LINK)
        .set("stroke-width", 1.5)
        .set("stroke-dasharray", "4 3");
    picture.add(path).add(Circle::new().set("cx", to_x).set("cy", to_y).set("r", 3).set("fill", LINK))
}

/// Rounds to a tenth of a pixel: shorter, and the same on every machine.
fn rounded(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use cachescope_harness::{Reference, Relation};

    use super::*;

    #[test]
    fn picture_has_a_bar_for_each_span_a_line_for_each_link_and_escaped_names() {
        let span = |name: &str, start_us: u64| {
            let (name, span_id) = (name.to_owned(), name.to_owned());
            Span { name, span_id, start_us, duration_us: 1_000, ..Span::default() }
        };
        let mut later = span("later", 2_000);
        later.references = vec![Reference { relation: Relation::Link, trace_id: "a".into(), span_id: "<one>".into() }];
        let traces =
            [Trace { id: "a".into(), spans: vec![span("<one>", 1_000)] }, Trace { id: "b".into(), spans: vec![later] }];
        assert_eq!(axes(&traces), [(1_000, 3_000), (1_000, 3_000)], "what is linked has one axis");
        let picture = drawn(&traces);
        assert!(picture.contains("&lt;one&gt;") && !picture.contains("<one>"), "{picture}");
        // One rectangle is the background.
        assert_eq!(picture.matches("<rect").count(), 3, "{picture}");
        assert_eq!(picture.matches("<path").count(), 1, "{picture}");
    }
}
