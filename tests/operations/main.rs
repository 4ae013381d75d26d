//! What people on call look at, and how it is all started, is in step with what is sent and with what is tested.

mod cloudwatch;
mod collector;
mod compose;
mod files;
mod jaeger;
mod kubernetes;
