//! Prometheus exporter for cachescope: a metric reader for the OpenTelemetry SDK, and the endpoint that Prometheus
//! scrapes.
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
//! [`Metrics::router`] mounts the endpoint in axum and hyper, [`Metrics::scrape`] in any other framework. An
//! [`Endpoint`]
//! can have a password and TLS.
//!
//! # Formats
//!
//! Prometheus's text format, and OpenMetrics 1.0 for scrapers that request it by `Accept`, as Prometheus does.
//! OpenMetrics adds the unit of each family and the start time of each counter and histogram.
//!
//! # Names
//!
//! Dots become underscores, the unit is appended as a word, and a counter ends in `_total`. The counter
//! `cachescope.requests` in `{request}` becomes `cachescope_requests_total`. The histogram
//! `cachescope.request.duration`
//! in `s` becomes `cachescope_request_duration_seconds`. An up-down counter becomes a gauge.
//!
//! A suffix that the name already has isn't appended again: `x.seconds` in `s` becomes `x_seconds`. The unit `1`
//! becomes `_ratio` for a gauge, and nothing for other instruments.
//!
//! The resource is in `target_info`. The instrumentation scope of a series is in `otel_scope_name` (see
//! [`Exporter::scope_labels`]).
//!
//! # Exponential histograms
//!
//! Exponential histograms are exposed as classic buckets, at most 40 on either side of zero. If a histogram grows, a
//! bound that stays keeps its series, so rates and quantiles stay correct. Prometheus scrapes native histograms only as
//! protobuf, which this exporter doesn't support: for native histograms, send OTLP to Prometheus
//! (`--web.enable-otlp-receiver`).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod auth;
mod conflict_log;
mod connection;
mod endpoint;
mod error;
mod exponential;
mod exporter;
mod exposition;
mod families;
mod format;
mod labels;
mod metric_type;
mod metrics;
mod name;
mod options;
mod point;
mod reader;
mod sample_value;
mod scrape_response;
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
pub use reader::Reader;
pub use scrape_response::ScrapeResponse;
pub use server::Server;
#[cfg(feature = "tls")]
pub use tls::Tls;
