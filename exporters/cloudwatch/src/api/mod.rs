//! The exporter that sends PutMetricData requests.

mod attempt;
mod client_settings;
mod dry_run;
mod failure;
mod metric_datum;
mod metric_exporter;
mod pending_batch;
mod retry_queue;
mod sender;

pub(crate) use self::client_settings::ClientSettings;
pub use self::metric_exporter::MetricExporter;
