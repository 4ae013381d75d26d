//! Wrap a call with cached(...), and see in OpenTelemetry what the cache did.
