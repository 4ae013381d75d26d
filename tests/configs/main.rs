//! The files of `collector-config/`: dashboards, rules, alarms, compose files and manifests match the exported telemetry
//! and the tested configurations.

mod cloudwatch;
mod collector;
mod compose;
mod config;
mod dashboards;
mod files;
mod jaeger;
mod kubernetes;
mod validation;
