//! Laws: statements about caches and their telemetry that hold for every run. They need no real part.
//!
//! `CACHESCOPE_TRACE` names one more access trace to check insight against: one key a line, or ARC's format.

mod cancellation;
mod contract;
mod envelopes;
mod environment;
mod insight;
mod laws;
mod merge;
mod model;
mod persistence;
mod sampling;
mod stampede;
mod trace_summary;
mod traces;
mod windows;
