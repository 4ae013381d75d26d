//! The slow-moving contract of cachescope: stores, entries, clock, recorder, telemetry names.
