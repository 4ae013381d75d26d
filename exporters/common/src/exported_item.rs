/// The kind of item that an exporter exports and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportedItem {
    /// Data points of metrics.
    DataPoint,
    /// Spans.
    Span,
}
