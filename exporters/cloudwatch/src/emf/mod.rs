//! The exporter that writes the Embedded Metric Format.

mod exporter;
mod line;

pub use exporter::EmfExporter;
