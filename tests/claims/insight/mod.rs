//! Insight: each of its answers compared with the truth, which a test knows and a service can't.
//!
//! `CACHESCOPE_TRACE` names one more access trace to compare with: one key a line, or ARC's format.

mod advice;
mod curve;
mod feed;
mod oracle;
mod reasons;
mod savings;
mod trace;
mod ttl;
