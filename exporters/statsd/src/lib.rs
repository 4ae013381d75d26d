//! StatsD exporter for cachescope: what the OpenTelemetry SDK measured, as lines over UDP or a Unix datagram socket.
//!
//! ```no_run
//! use opentelemetry_sdk::metrics::SdkMeterProvider;
//!
//! let statsd = cachescope_statsd::StatsD::from_env()?;
//! let meters = SdkMeterProvider::builder().with_periodic_exporter(statsd.metric_exporter()?).build();
//! // ... later:
//! println!("{} points dropped", statsd.exports().total_dropped());
//! # Ok::<(), cachescope_statsd::Error>(())
//! ```
//!
//! # What arrives
//!
//! | instrument | lines |
//! |---|---|
//! | counter | what was added since the last export, `\|c` |
//! | up-down counter, gauge | its value, `\|g`; a negative one after a zero, since servers take a sign for a change |
//! | histogram | by [`Timings`]: values with a rate, `\|ms` (DogStatsD: `\|d`), or count, sum, least and largest |
//!
//! Times are in milliseconds, whatever unit they were measured in; other values are as they were recorded. Names stay
//! as they are, after the prefix; what would end a name, a tag or a line (`:|@#,;`, white space) becomes `_`. Attributes
//! become tags, or in [`Dialect::Plain`] two levels of the name each. The resource is left out, unless
//! [`StatsD::resource_attributes`] names what of it is to be a tag: StatsD adds up counters of all its clients by itself.
//!
//! # What is exact
//!
//! Counts are, those of histograms too: a server divides by the rate, and the rates sent are those that divide back to
//! the count. The single values of a histogram are gone by the time it is exported: each value that is sent lies in the
//! bucket of those it stands for, and all of them together have the sum that was measured. Servers that weigh values by
//! the rate (the Datadog agent, the OpenTelemetry Collector) therefore have the right mean; the original StatsD server
//! scales by it the count alone, and has a mean and percentiles that are rough.
//!
//! UDP answers nothing: a datagram counts as sent when it left and no refusal was heard by then. What the network or a
//! server that doesn't keep up drops on the way is not known here.
//!
//! # What it costs
//!
//! Exports run where the SDK runs them, on a `PeriodicReader`'s own thread, never on a caller's. No socket blocks. An
//! export waits a millisecond after each 32 datagrams over UDP, and for 100 ms in all for a Unix socket whose server
//! doesn't keep up; then it drops the rest. Each datagram holds as many lines as fit in 1432 bytes (UDP) or 8192 (Unix).
//!
//! # What is said about failures
//!
//! Losing the server is one `warn!` of `tracing`, getting it back one `info!`; in between, exports fail in silence. The
//! next export tries again, and finds a socket that appeared meanwhile.

mod address;
mod datagram;
mod delivery;
mod dialect;
mod distribution;
mod error;
mod metric_exporter;
mod name;
mod notation;
mod number;
mod rate;
mod socket;
mod statsd;
mod timings;
mod translation;

pub use address::Address;
pub use dialect::Dialect;
pub use error::Error;
pub use metric_exporter::MetricExporter;
pub use statsd::StatsD;
pub use timings::Timings;
