//! Building blocks that the exporters of cachescope share: for authors of exporters.
//!
//! An exporter counts its work in [`ExporterStats`], logs the loss and recovery of its destination with a
//! [`HealthReporter`], and reads its settings from [`Variables`]:
//!
//! ```
//! use cachescope_exporter::{DropReason, ExportedItem, ExporterStats, HealthReporter};
//!
//! let stats = ExporterStats::new("carbon_metric_exporter", ExportedItem::DataPoint);
//! let health = HealthReporter::new("http://carbon:2003", "metrics", "metrics are dropped until delivery succeeds");
//!
//! // After an export that the destination didn't answer:
//! stats.dropped(DropReason::Unreachable, 100);
//! health.record(Err(&"connection refused"));
//! assert_eq!(stats.total_dropped(), 100);
//! ```
//!
//! # Cargo features
//!
//! - `runtime`: `BackgroundRuntime`, `SharedRuntime` and `Delivery`, for exporters that wait for the network.
//! - `testing`: the module `testing`, which captures log events.
//!
//! Both are off by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "runtime")]
mod background_runtime;
mod backoff;
mod bucket;
mod config_error;
#[cfg(feature = "runtime")]
mod delivery;
mod drop_reason;
mod exported_item;
mod exporter_stats;
mod health_reporter;
mod histogram_point;
mod number;
#[cfg(feature = "runtime")]
mod shared_runtime;
#[cfg(feature = "testing")]
pub mod testing;
mod variables;

#[cfg(feature = "runtime")]
pub use background_runtime::BackgroundRuntime;
pub use backoff::Backoff;
pub use bucket::{Bucket, ExponentialSide, exponential_bound};
pub use config_error::ConfigError;
#[cfg(feature = "runtime")]
pub use delivery::{Delivery, FlushGuard};
pub use drop_reason::DropReason;
pub use exported_item::ExportedItem;
pub use exporter_stats::ExporterStats;
pub use health_reporter::{HealthChange, HealthReporter};
pub use histogram_point::HistogramPoint;
pub use number::Number;
#[cfg(feature = "runtime")]
pub use shared_runtime::SharedRuntime;
pub use variables::{Lookup, Variables, non_empty, process_variable};
