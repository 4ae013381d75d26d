//! Sets up the OpenTelemetry SDK for cachescope from the OTEL_* variables, with views and a flush guard.
