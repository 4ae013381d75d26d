//! Prometheus exporter for cachescope: a reader for the OpenTelemetry SDK, and what shows its metrics.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (reader, metrics) = cachescope_prometheus::exporter()?;
//! let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_reader(reader).build();
//! let server = metrics.serve(cachescope_prometheus::DEFAULT_ADDR).await?;
//! println!("metrics on http://{}/metrics", server.addr());
//! # Ok(())
//! # }
//! ```
//!
//! [`Metrics::router`] mounts it in axum and hyper in one line, [`Metrics::scrape`] in anything else; an [`Endpoint`]
//! has a password and TLS.
//!
//! # Formats
//!
//! Prometheus's text format, and OpenMetrics 1.0 for who asks for it by `Accept`, as Prometheus does. OpenMetrics says
//! the unit of each family, and since when it has been counted.
//!
//! # Names
//!
//! Dots become underscores, the unit is appended in words, a counter ends in `_total`: the counter
//! `cachescope.requests` in `{request}` is `cachescope_requests_total`, the histogram `cachescope.request.duration` in
//! `s` is `cachescope_request_duration_seconds`, and an up-down counter is a gauge. What a name ends in already isn't
//! appended again: `x.seconds` in `s` is `x_seconds`. The unit `1` of a gauge is `_ratio`, of anything else nothing.
//!
//! The resource is in `target_info`; which library measured a series, in `otel_scope_name` (see
//! [`Exporter::scope_labels`]).
//!
//! # Exponential histograms
//!
//! They are shown as classic buckets, merged down to 40 on either side of zero. A bound that stays when a histogram
//! grows keeps its series, so rates and quantiles hold. Prometheus's native histograms can be scraped only as protobuf,
//! which this exporter doesn't speak: to have them, send OTLP to Prometheus (`--web.enable-otlp-receiver`).

mod address;
mod auth;
mod conflicts;
mod connection;
mod endpoint;
mod error;
mod exponential;
mod exporter;
mod exposition;
mod families;
mod format;
mod kind;
mod labels;
mod metrics;
mod name;
mod number;
mod options;
mod page;
mod point;
mod reader;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod unit;

pub use address::{DEFAULT_ADDR, address_from_env, address_from_lookup};
pub use auth::BasicAuth;
pub use endpoint::Endpoint;
pub use error::Error;
pub use exporter::{Exporter, exporter};
pub use format::{CONTENT_TYPE, Format};
pub use metrics::Metrics;
pub use page::Page;
pub use reader::Reader;
pub use server::Server;
#[cfg(feature = "tls")]
pub use tls::Tls;
