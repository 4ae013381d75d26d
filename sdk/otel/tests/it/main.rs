//! Set-up, flush and exit, with collectors that answer, refuse connections, or stay silent.

#[cfg(feature = "otlp")]
mod exit;
mod setup;
#[cfg(all(unix, feature = "otlp", feature = "signals"))]
mod signals;
