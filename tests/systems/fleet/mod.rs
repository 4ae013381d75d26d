//! The counts of many instances arrive exactly, through every unchanged configuration of `collector-config/`.

mod agent;
mod aggregate;
mod balancer;
mod cloudwatch;
mod file;
mod gateway;
mod instance;
mod restart;
mod routes;
mod series;
mod tail_sampling;

/// Bounds a failure: data is on the page of a collector within two seconds.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
