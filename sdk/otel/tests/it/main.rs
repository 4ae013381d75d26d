//! Set-up, flushing and exit, with collectors that are there, gone, or silent.

#[cfg(feature = "otlp")]
mod captured;
#[cfg(feature = "otlp")]
mod exit;
mod setup;
#[cfg(all(unix, feature = "otlp", feature = "signals"))]
mod signals;
