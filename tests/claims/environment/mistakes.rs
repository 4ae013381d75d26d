//! Wrong values of variables: each is an error with the variable, its value and the accepted values.

use super::setup::set_up;

const WRONG: &[(&str, &str, &str)] = &[
    ("OTEL_SDK_DISABLED", "1", "true or false"),
    ("OTEL_RESOURCE_ATTRIBUTES", "zone", "key=value"),
    ("OTEL_TRACES_EXPORTER", "zipkin", "otlp"),
    ("OTEL_TRACES_EXPORTER", "otlp,none", "none"),
    ("OTEL_TRACES_EXPORTER", "prometheus", "otlp"),
    ("OTEL_METRICS_EXPORTER", "graphite", "prometheus"),
    ("OTEL_METRICS_EXPORTER", "otlp;prometheus", "prometheus"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "0", "milliseconds"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "1s", "milliseconds"),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "soon", "milliseconds"),
    ("OTEL_PROPAGATORS", "b3", "tracecontext and baggage"),
    ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"),
    ("OTEL_BSP_SCHEDULE_DELAY", "-1", "milliseconds"),
    ("OTEL_BSP_EXPORT_TIMEOUT", "0", "milliseconds"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "many", "spans"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1.5", "spans"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http://"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://collector", "http:// or https://"),
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector", "http://"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "udp", "grpc, http/protobuf or http/json"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http", "grpc, http/protobuf or http/json"),
    ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "json", "grpc, http/protobuf or http/json"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", "above 0"),
    ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "-5", "above 0"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip or none"),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "deflate", "gzip or none"),
    ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "yes", "gzip or none"),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both", "cumulative, delta or lowmemory"),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "summary",
        "explicit_bucket_histogram or base2_exponential_bucket_histogram",
    ),
    // A build with TLS expects a file, and a build without it the feature.
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/authority.pem", "must be"),
    ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/no/such/authority.pem", "must be"),
    ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "/no/such/client.pem", "must be"),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/no/such/client.key", "must be"),
];

#[test]
fn wrong_value_is_an_error_with_the_variable_the_value_and_the_accepted_values() {
    for (name, value, accepted) in WRONG {
        let Err(error) = set_up(&[(name, value)]) else { panic!("{name}={value} is accepted, though wrong") };
        let text = error_chain(&error);
        assert!(error.is_config(), "{text}");
        assert!([*name, *value, *accepted].iter().all(|part| text.contains(part)), "{name}={value}: {text}");
    }
}

#[test]
fn sampler_argument_is_checked_with_a_ratio_sampler() {
    let wrong = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    let text = error_chain(&set_up(&wrong).expect_err("more than all"));
    assert!(text.contains("OTEL_TRACES_SAMPLER_ARG") && text.contains("0.0 to 1.0"), "{text}");
}

#[test]
fn wrong_header_is_an_error_without_the_value() {
    for name in
        ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"]
    {
        let text = error_chain(&set_up(&[(name, "a hidden token")]).expect_err("no pair"));
        assert!(text.contains(name) && text.contains("name=value") && !text.contains("hidden"), "{text}");
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
