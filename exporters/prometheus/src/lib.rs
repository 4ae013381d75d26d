//! Prometheus exporter for cachescope: a registry to mount and a small server.
