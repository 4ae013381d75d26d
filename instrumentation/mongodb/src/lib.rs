//! MongoDB as a cachescope store, and telemetry for its client.
