//! StatsD exporter for the OpenTelemetry SDK: plain, tagged or DogStatsD lines over UDP or a Unix datagram socket.
//!
//! ```no_run
//! use opentelemetry_sdk::metrics::SdkMeterProvider;
//!
//! let statsd = cachescope_statsd::StatsD::from_env()?;
//! let meters = SdkMeterProvider::builder().with_periodic_exporter(statsd.metric_exporter()?).build();
//! // ... later:
//! println!("{} points dropped", statsd.stats().total_dropped());
//! # Ok::<(), cachescope_statsd::Error>(())
//! ```
//!
//! # Lines
//!
//! | instrument | lines |
//! |---|---|
//! | counter | the amount added since the last export, `\|c` |
//! | up-down counter, gauge | the current value, `\|g`. A zero precedes a negative value, because servers take a sign for a change |
//! | histogram | by [`Timings`]: values with a sample rate, `\|ms` (DogStatsD: `\|d`), or count, sum, minimum and maximum |
//!
//! Times are in milliseconds, whatever the unit of their instrument. Other values keep their unit. Names are sent
//! unchanged, after the prefix. Characters that would end a name, a tag or a line (`:|@#,;` and white space) become `_`.
//!
//! Attributes become tags, or in [`Dialect::Plain`] two levels of the name each. Attributes of the resource are left out,
//! unless [`StatsD::resource_attributes`] selects them: StatsD adds up the counters of all its clients.
//!
//! # Accuracy
//!
//! Counts are exact, those of histograms included. A server divides by the sample rate, and the exporter sends only rates
//! that divide back to the count.
//!
//! The single values of a histogram are lost when the SDK exports it. Each value that is sent lies in the bucket of the
//! values that it represents, and all of them together have the measured sum. Servers that weight values by the rate (the
//! Datadog agent, the OpenTelemetry Collector) therefore have the exact mean. The original StatsD server scales only the
//! count by the rate, so its mean and percentiles are rough.
//!
//! UDP has no responses. A datagram counts as sent if it left this machine and no refusal arrived by then. Losses in the
//! network, or at a server that is too slow, aren't detected.
//!
//! # Costs
//!
//! ExporterStats run on the thread of the SDK's `PeriodicReader`, never on a caller's thread. No socket blocks. An export pauses
//! for a millisecond after each 32 datagrams over UDP. It waits up to 100 ms in total for a Unix socket whose server is
//! too slow, and then drops the other datagrams. A datagram holds as many lines as fit in 1432 bytes (UDP) or 8192 bytes
//! (Unix).
//!
//! # Logs
//!
//! The loss of the server is one `warn!` of `tracing`, and its recovery one `info!`. ExporterStats that fail in between are
//! silent. Each export tries again, and so finds a socket that has been created meanwhile.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod conversion;
mod datagram;
mod dialect;
mod error;
mod histogram;
mod line_format;
mod line_value;
mod metric_exporter;
mod sample_rate;
mod sanitize;
mod socket;
mod statsd;
mod timings;
mod transport;

pub use crate::address::Address;
pub use crate::dialect::Dialect;
pub use crate::error::Error;
pub use crate::metric_exporter::MetricExporter;
pub use crate::statsd::StatsD;
pub use crate::timings::Timings;
