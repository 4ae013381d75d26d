use cachescope_otel::Setup;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, Instrument, PeriodicReader, Stream};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SimpleSpanProcessor};

fn setup(variables: &'static [(&'static str, &'static str)]) -> Setup {
    Setup::from_lookup(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        .trace_exporters([])
        .metric_exporters([])
        .install_globals(false)
}

#[test]
fn init_rejects_every_wrong_variable() {
    for variable in [
        [("OTEL_SDK_DISABLED", "yes")],
        [("OTEL_TRACES_EXPORTER", "zipkin")],
        [("OTEL_METRICS_EXPORTER", "carbon")],
        [("OTEL_PROPAGATORS", "b3")],
        [("OTEL_RESOURCE_ATTRIBUTES", "team")],
        [("OTEL_TRACES_SAMPLER", "sometimes")],
        [("OTEL_METRIC_EXPORT_INTERVAL", "1m")],
        [("OTEL_BSP_SCHEDULE_DELAY", "1m")],
    ] {
        let [(name, value)] = variable;
        let found = Setup::from_lookup(move |n| (n == name).then(|| value.to_owned())).install_globals(false).init();
        let error = found.unwrap_err();
        assert!(error.is_config() && error.to_string().contains(name) && error.to_string().contains(value), "{error}");
    }
}

#[cfg(all(feature = "otlp", feature = "prometheus"))]
#[test]
fn init_rejects_wrong_exporter_variables_only_when_the_exporter_is_on() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/xml"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "70000"),
    ] {
        let init = |exporters: &'static str| {
            Setup::from_lookup(move |n| match n {
                "OTEL_METRICS_EXPORTER" => Some(exporters.to_owned()),
                "OTEL_TRACES_EXPORTER" => Some("none".to_owned()),
                _ if n == name => Some(value.to_owned()),
                // The default port may be in use by another test.
                "OTEL_EXPORTER_PROMETHEUS_PORT" => Some("0".to_owned()),
                _ => None,
            })
            .install_globals(false)
            .init()
        };
        assert!(init("otlp,prometheus").unwrap_err().is_config(), "{name}");
        drop(init("none").unwrap());
    }
}

#[test]
fn user_processors_and_readers_get_the_resource_and_the_environments_sampler() {
    let spans = InMemorySpanExporter::default();
    let metrics = InMemoryMetricExporter::default();
    let guard = setup(&[("OTEL_RESOURCE_ATTRIBUTES", "zone=a"), ("OTEL_TRACES_SAMPLER", "always_on")])
        .service_name("shop")
        .sampler(Sampler::AlwaysOff)
        .span_processor(SimpleSpanProcessor::new(spans.clone()))
        .metric_reader(PeriodicReader::builder(metrics.clone()).build())
        .init()
        .unwrap();
    guard.tracer_provider().tracer("shop").start("order");
    guard.meter_provider().meter("shop").u64_counter("orders").build().add(1, &[]);
    guard.flush().unwrap();
    assert_eq!(
        spans.get_finished_spans().unwrap().len(),
        1,
        "the environment's always_on must override code's always_off"
    );
    let exported = metrics.get_finished_metrics().unwrap();
    let get = |key| exported[0].resource().get(&Key::from_static_str(key)).map(|v| v.to_string());
    assert_eq!(get("service.name").as_deref(), Some("shop"));
    assert_eq!(get("zone").as_deref(), Some("a"));
    assert!(get("service.instance.id").is_some());
    guard.shutdown().unwrap();
}

#[test]
fn sampler_set_in_code_applies_when_the_environment_sets_none() {
    let spans = InMemorySpanExporter::default();
    let guard =
        setup(&[]).sampler(Sampler::AlwaysOff).span_processor(SimpleSpanProcessor::new(spans.clone())).init().unwrap();
    guard.tracer_provider().tracer("shop").start("order");
    assert!(spans.get_finished_spans().unwrap().is_empty());
}

#[test]
fn disabled_sdk_records_nothing() {
    let spans = InMemorySpanExporter::default();
    let guard =
        setup(&[("OTEL_SDK_DISABLED", "true")]).span_processor(SimpleSpanProcessor::new(spans.clone())).init().unwrap();
    guard.tracer_provider().tracer("shop").start("order");
    guard.meter_provider().meter("shop").u64_counter("orders").build().add(1, &[]);
    guard.flush().unwrap();
    guard.shutdown().unwrap();
    assert!(spans.get_finished_spans().unwrap().is_empty());
}

#[test]
fn user_view_replaces_the_default_view_of_its_instrument() {
    let metrics = InMemoryMetricExporter::default();
    let guard = setup(&[])
        .metric_reader(PeriodicReader::builder(metrics.clone()).build())
        .max_caches(1)
        .view(|i: &Instrument| {
            (i.name() == "cachescope.requests").then(|| Stream::builder().with_name("renamed").build().unwrap())
        })
        .init()
        .unwrap();
    let meter = guard.meter_provider().meter("cachescope");
    let (requests, evictions) =
        (meter.u64_counter("cachescope.requests").build(), meter.u64_counter("cachescope.evictions").build());
    for i in 0..40 {
        requests.add(1, &[KeyValue::new("set", i)]);
        evictions.add(1, &[KeyValue::new("set", i)]);
    }
    guard.flush().unwrap();
    let exported = metrics.get_finished_metrics().unwrap();
    let mut found: Vec<_> = exported[0]
        .scope_metrics()
        .flat_map(|scope| scope.metrics())
        .map(|metric| match metric.data() {
            AggregatedMetrics::U64(MetricData::Sum(sum)) => (metric.name().to_owned(), sum.data_points().count()),
            other => panic!("unexpected metric: {other:?}"),
        })
        .collect();
    found.sort();
    // One cache gets 32 sets; the overflow is one more.
    assert_eq!(found, [("cachescope.evictions".to_owned(), 33), ("renamed".to_owned(), 40)]);
}

#[cfg(feature = "prometheus")]
mod prometheus {
    use super::*;

    const PROMETHEUS: &[(&str, &str)] =
        &[("OTEL_METRICS_EXPORTER", "prometheus"), ("OTEL_EXPORTER_PROMETHEUS_PORT", "0")];

    #[test]
    fn prometheus_server_needs_no_runtime_and_stops_with_the_guard() {
        let guard = setup(PROMETHEUS).service_name("shop").init().unwrap();
        guard.meter_provider().meter("cachescope").u64_counter("cachescope.requests").build().add(3, &[]);
        let addr = guard.prometheus_addr().unwrap();
        assert!(addr.ip().is_loopback());
        let scrape = || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let client = reqwest::Client::builder().no_proxy().build()?;
                client.get(format!("http://{addr}/metrics")).send().await?.text().await
            })
        };
        let text = scrape().unwrap();
        assert!(text.contains("cachescope_requests_total{otel_scope_name=\"cachescope\"} 3"), "{text}");
        assert!(text.contains("service_name=\"shop\""), "{text}");
        guard.shutdown().unwrap();
        while scrape().is_ok() {}
    }

    #[test]
    fn metrics_can_be_mounted_without_the_server() {
        let guard = setup(PROMETHEUS).serve_prometheus(false).init().unwrap();
        assert_eq!(guard.prometheus_addr(), None);
        assert!(guard.prometheus().unwrap().encode().unwrap().contains("target_info"));
    }

    #[test]
    fn init_fails_when_the_port_is_taken() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let error = Setup::from_lookup(move |name| match name {
            "OTEL_METRICS_EXPORTER" => Some("prometheus".to_owned()),
            "OTEL_TRACES_EXPORTER" => Some("none".to_owned()),
            "OTEL_EXPORTER_PROMETHEUS_PORT" => Some(port.clone()),
            _ => None,
        })
        .install_globals(false)
        .init()
        .unwrap_err();
        assert!(error.is_bind(), "{error}");
    }
}
