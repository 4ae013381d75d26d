//! What many instances count is what arrives, through every configuration of `collector-config/` as it is.

mod agent;
mod aggregate;
mod cloudwatch;
mod config;
mod file;
mod gateway;
mod instance;
mod restart;
mod routes;
mod scaled;
mod series;
mod tail_sampling;
mod valid;

/// Bounds a failure: what a collector took is on its page within two seconds.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
