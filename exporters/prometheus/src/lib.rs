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
//! # Names
//!
//! Dots become underscores, the unit is appended in words, a counter ends in `_total`: the counter
//! `cachescope.requests` in `{request}` is `cachescope_requests_total`, the histogram `cachescope.request.duration` in
//! `s` is `cachescope_request_duration_seconds`, and an up-down counter is a gauge. Units are appended without a look
//! at the name, so an instrument of your own named `x.seconds` with unit `s` becomes `x_seconds_seconds`. The resource
//! is in `target_info`. Exponential histograms are left out by the underlying crate.

mod address;
mod error;
mod metrics;
mod reader;
mod server;

pub use address::{DEFAULT_ADDR, address_from_env, address_from_lookup};
pub use error::Error;
pub use metrics::{CONTENT_TYPE, Metrics};
pub use reader::{Reader, exporter};
pub use server::Server;
