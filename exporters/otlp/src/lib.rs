//! OTLP exporters for cachescope, over gRPC and HTTP.
