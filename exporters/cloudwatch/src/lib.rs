//! Amazon CloudWatch exporters for cachescope: by PutMetricData, and by the Embedded Metric Format.
//!
//! [`CloudWatch`] reads the `CACHESCOPE_CLOUDWATCH_*` and `AWS_*` variables and builds a `MetricExporter` to hand to the
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
//! # What CloudWatch gets
//!
//! | instrument | in CloudWatch |
//! |---|---|
//! | counter | what was added in each interval: `Sum` of a period is how much, `SampleCount` says nothing |
//! | up-down counter, gauge | how it stood at the end of each interval: `Average`, `Maximum` |
//! | histogram, explicit or exponential | `Sum`, `SampleCount` exactly; `Minimum`, `Maximum` too if the SDK recorded them, else to within a bucket, as percentiles |
//!
//! Units are CloudWatch's (`s` becomes `Seconds`, `{request}` `Count`); what it has none for is `None`. Characters other
//! than printable ASCII become `_`, values of dimensions are cut after 1,024. Whole numbers are exact up to 2^53.
//!
//! # Exactly once, nearly
//!
//! CloudWatch adds up what it is sent twice. A request is sent again only where it is certain that nothing was stored:
//! it was throttled, the service answered with an error of its own, or there was no connection to send it over. What
//! doesn't get through within the timeout waits for the next interval, with its own time, up to a bounded number. Where
//! a request was sent and no answer came, [`OnUnknown`] chooses which way to err. `CloudWatch::exports` counts it all.
//!
//! # Threads
//!
//! The exporter may be built, used and dropped on any thread, inside a tokio runtime or outside. One worker thread,
//! `cachescope-cloudwatch`, drives its sockets. The exporter of the Embedded Metric Format has none.
//!
//! # What is said about failures
//!
//! Losing CloudWatch is one `warn!` of `tracing`, getting it back one `info!`. Neither holds credentials or values.

#[cfg(feature = "api")]
mod api;
mod batch;
mod cloud_watch;
mod cost;
mod datum;
mod dimensions;
mod distribution;
mod emf;
mod error;
mod limits;
mod point;
mod series;
mod settings;
mod text;
mod unit;

#[cfg(feature = "api")]
pub use api::{Delivery, MetricExporter};
pub use cloud_watch::CloudWatch;
pub use cost::Cost;
pub use dimensions::Dimensions;
pub use emf::EmfExporter;
pub use error::Error;
pub use settings::{OnUnknown, Resolution};
