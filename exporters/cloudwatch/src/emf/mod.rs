//! Writing in the Embedded Metric Format.

mod exporter;
mod line;

pub use exporter::EmfExporter;
