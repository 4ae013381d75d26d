//! moka as a cachescope store, and telemetry for a moka cache used alone.
