//! The exporter in the SDK, against sockets that a test owns.

mod lines;
mod loss;
mod said;
mod service;
