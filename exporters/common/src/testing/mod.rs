//! Helpers for the tests of exporters.

pub mod captured_logs;
