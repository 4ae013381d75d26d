//! What each exporter's receiver has is what the process counted; what fails on the way is counted as well.

mod cloudwatch;
mod everywhere;
mod prometheus;
mod statsd;
