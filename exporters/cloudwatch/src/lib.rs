//! Amazon CloudWatch exporters for the OpenTelemetry SDK: by PutMetricData, and by the Embedded Metric Format.
//!
//! [`CloudWatch`] reads the `CACHESCOPE_CLOUDWATCH_*` and `AWS_*` variables, and builds a `MetricExporter` for the
//! OpenTelemetry SDK:
//!
//! ```no_run
//! # #[cfg(feature = "api")] {
//! use opentelemetry_sdk::metrics::SdkMeterProvider;
//!
//! let cloudwatch = cachescope_cloudwatch::CloudWatch::from_env()?;
//! let meters = SdkMeterProvider::builder().with_periodic_exporter(cloudwatch.metric_exporter()?).build();
//! # }
//! # Ok::<(), cachescope_cloudwatch::Error>(())
//! ```
//!
//! # Metrics in CloudWatch
//!
//! | instrument | in CloudWatch |
//! |---|---|
//! | counter | the amount added in each interval. Use the statistic `Sum`; `SampleCount` has no meaning |
//! | up-down counter, gauge | the value at the end of each interval. Use `Average` or `Maximum` |
//! | histogram, explicit or exponential | `Sum` and `SampleCount` are exact. `Minimum` and `Maximum` are exact if the SDK records them; otherwise they, like percentiles, are exact to within a bucket |
//!
//! Units become those of CloudWatch (`s` becomes `Seconds`, `{request}` becomes `Count`). A unit that CloudWatch doesn't
//! have becomes `None`. Characters other than printable ASCII become `_`. Values of dimensions are cut after 1,024
//! characters. Whole numbers are exact up to 2^53.
//!
//! # Delivery guarantees
//!
//! CloudWatch adds up metrics that are sent twice. A request is therefore retried only if it is certain that nothing was
//! stored: it was throttled, the service answered with an error of its own, or there was no connection. Metrics that can't
//! be delivered within the timeout wait for the next interval, with their own time, in a queue of limited capacity. If a
//! request was sent and no response came, [`OnUnknown`] decides whether its metrics are dropped or sent again.
//! `CloudWatch::stats` counts all cases.
//!
//! # Threads
//!
//! The exporter may be built, used and dropped on any thread, inside or outside a tokio runtime. One worker thread,
//! `cachescope-cloudwatch`, drives its sockets. The exporter of the Embedded Metric Format has no thread.
//!
//! # Logs
//!
//! The loss of CloudWatch is one `warn!` of `tracing`, and its recovery one `info!`. Neither contains credentials or
//! values.
//!
//! # Cargo features
//!
//! - `api`: the exporter that sends PutMetricData requests, with the AWS SDK. On by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "api")]
mod api;
mod batch;
mod cloud_watch;
mod cost_estimate;
mod datum;
mod dimensions;
mod distribution;
mod emf;
mod error;
mod limits;
mod point;
mod sanitize;
mod series;
mod settings;
mod unit;

#[cfg(feature = "api")]
pub use cachescope_exporter::{Delivery, FlushGuard};

#[cfg(feature = "api")]
pub use crate::api::MetricExporter;
pub use crate::cloud_watch::CloudWatch;
pub use crate::cost_estimate::CostEstimate;
pub use crate::dimensions::Dimensions;
pub use crate::emf::EmfExporter;
pub use crate::error::Error;
pub use crate::settings::{OnUnknown, Resolution};
