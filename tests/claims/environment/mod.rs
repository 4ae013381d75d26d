//! Environment variables: every value with its visible effect, and every wrong value with its error.

mod exporters;
mod mistakes;
mod otlp;
mod sdk;
mod setup;
