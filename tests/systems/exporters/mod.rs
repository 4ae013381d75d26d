//! The receiver of each exporter has exactly the counts of the process, and failed deliveries are counted too.

mod agreement;
mod cloudwatch;
mod prometheus;
mod statsd;
