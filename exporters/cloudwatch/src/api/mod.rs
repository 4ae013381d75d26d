//! Sending by PutMetricData.

mod access;
mod attempt;
mod backoff;
mod delivery;
mod driver;
mod dry_run;
mod failure;
mod health;
mod kept;
mod metric_exporter;
mod parcel;
mod sender;
mod wire;

pub(crate) use access::Access;
pub use delivery::Delivery;
pub(crate) use driver::Driver;
pub use metric_exporter::MetricExporter;
