//! The telemetry of one cache's requests: guards that count, spans, and logs.

pub(crate) mod guards;
pub(crate) mod spans;
pub(crate) mod trace_scope;
pub(crate) mod verbose;
