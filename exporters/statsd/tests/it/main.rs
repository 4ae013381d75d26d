//! The exporter in the SDK, with sockets of the tests.

mod lines;
mod logs;
mod outage;
mod service;
