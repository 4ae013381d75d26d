//! Proofs on real parts: what the telemetry says is what happened.
