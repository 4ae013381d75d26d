//! `OTEL_EXPORTER_OTLP_*`, as seen by the receiver.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use opentelemetry::metrics::MeterProvider;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use super::setup::{METRICS, TRACES, sending, sent, set_up, something};
use cachescope_tests::receiver::{Received, Receiver};

/// The one request at the path of a signal.
fn one(receiver: &Receiver, path: &str) -> anyhow::Result<Received> {
    let received = receiver.at(path);
    anyhow::ensure!(received.len() == 1, "{} requests at {path}: {:?}", received.len(), receiver.received());
    Ok(received[0].clone())
}

#[test]
fn endpoint_is_a_base_path_and_the_endpoint_of_a_signal_is_used_unchanged() -> anyhow::Result<()> {
    let receiver = Receiver::start()?;
    let (base, own) = (format!("{}/base/", receiver.endpoint), format!("{}/mine", receiver.endpoint));
    let guard = set_up(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &base), ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &own)])?;
    something(&guard);
    guard.shutdown()?;
    one(&receiver, "/base/v1/traces")?;
    one(&receiver, "/mine")?;
    Ok(())
}

#[test]
fn protocol_is_set_for_all_signals_or_for_one() -> anyhow::Result<()> {
    for (value, expected) in [("http/protobuf", "application/x-protobuf"), ("http/json", "application/json")] {
        let receiver = sent(&[("OTEL_EXPORTER_OTLP_PROTOCOL", value)])?;
        for path in [TRACES, METRICS] {
            assert_eq!(one(&receiver, path)?.headers["content-type"], expected);
        }
        for (name, path) in
            [("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", TRACES), ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", METRICS)]
        {
            assert_eq!(one(&sent(&[(name, value)])?, path)?.headers["content-type"], expected);
        }
    }
    let receiver = sent(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")])?;
    assert!(one(&receiver, METRICS)?.text()?.contains(r#""name":"things""#));
    Ok(())
}

#[test]
fn grpc_begins_with_the_preface_of_http_2() -> anyhow::Result<()> {
    use std::io::Read;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let seen = std::thread::spawn(move || {
        let mut first = [0; 14];
        listener.accept()?.0.read_exact(&mut first)?;
        anyhow::Ok(String::from_utf8_lossy(&first).into_owned())
    });
    let guard = set_up(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &address),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
    ])?;
    something(&guard);
    // The listener hangs up, which is a failed delivery.
    assert!(guard.flush().is_err());
    assert_eq!(seen.join().map_err(|_| anyhow::anyhow!("the listener"))??, "PRI * HTTP/2.0");
    Ok(())
}

#[test]
fn headers_of_a_signal_replace_the_headers_of_all() -> anyhow::Result<()> {
    let receiver = sent(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=all,x-more=a%20b"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-tenant=traces"),
    ])?;
    let (traces, metrics) = (one(&receiver, TRACES)?, one(&receiver, METRICS)?);
    assert_eq!((&*traces.headers["x-tenant"], traces.headers.get("x-more")), ("traces", None));
    assert_eq!((&*metrics.headers["x-tenant"], &*metrics.headers["x-more"]), ("all", "a b"));
    let receiver = sent(&[("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-tenant=metrics")])?;
    assert_eq!(one(&receiver, METRICS)?.headers["x-tenant"], "metrics");
    assert!(!one(&receiver, TRACES)?.headers.contains_key("x-tenant"));
    Ok(())
}

#[test]
fn compression_is_set_for_all_signals_or_for_one() -> anyhow::Result<()> {
    for (name, packed) in [
        ("OTEL_EXPORTER_OTLP_COMPRESSION", [true, true]),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", [true, false]),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", [false, true]),
    ] {
        let receiver = sent(&[(name, "gzip")])?;
        let (traces, metrics) = (one(&receiver, TRACES)?, one(&receiver, METRICS)?);
        let encodings = [&traces, &metrics].map(|request| request.headers.get("content-encoding").map(String::as_str));
        assert_eq!(encodings, packed.map(|packed| packed.then_some("gzip")), "{name}");
        assert_eq!((traces.spans()?.len(), metrics.metrics()?.resource_metrics.len()), (1, 1), "{name}");
        let plain = sent(&[(name, "none")])?;
        assert!(!one(&plain, TRACES)?.headers.contains_key("content-encoding"));
    }
    Ok(())
}

#[test]
fn timeout_bounds_the_wait_for_a_silent_receiver() -> anyhow::Result<()> {
    // The system's backlog accepts connections; no program reads from them.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", silent.local_addr()?);
    for name in ["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_BSP_EXPORT_TIMEOUT"] {
        let guard =
            set_up(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_METRICS_EXPORTER", "none"), (name, "200")])?;
        something(&guard);
        let begun = Instant::now();
        let error = guard.flush().expect_err("no answer");
        // The deadline of a flush is 3 s, and is another error.
        assert!(error.is_undelivered(), "{name}: {error}");
        assert!(begun.elapsed() >= Duration::from_millis(200), "{name}: {:?}", begun.elapsed());
    }
    for name in ["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_METRIC_EXPORT_TIMEOUT"] {
        let guard =
            set_up(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_TRACES_EXPORTER", "none"), (name, "200")])?;
        something(&guard);
        let error = guard.flush().expect_err("no answer");
        assert!(error.is_undelivered(), "{name}: {error}");
    }
    Ok(())
}

#[test]
fn temporality_is_in_the_payload() -> anyhow::Result<()> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    // The numbers of OTLP.
    let (delta, cumulative) = (1, 2);
    for (value, expected) in [("", cumulative), ("cumulative", cumulative), ("Delta", delta), ("lowmemory", delta)] {
        let request = one(&sent(&[(NAME, value)])?, METRICS)?.metrics()?;
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        let things = scopes.flat_map(|scope| &scope.metrics).find(|metric| metric.name == "things");
        let Some(Data::Sum(sum)) = things.and_then(|metric| metric.data.as_ref()) else {
            panic!("{value}: no sum in {request:?}");
        };
        assert_eq!(sum.aggregation_temporality, expected, "{value}");
    }
    Ok(())
}

#[test]
fn aggregation_of_histograms_is_in_the_payload() -> anyhow::Result<()> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    for (value, exponential) in
        [("", false), ("explicit_bucket_histogram", false), ("base2_exponential_bucket_histogram", true)]
    {
        let (receiver, guard) = sending(&[(NAME, value)])?;
        // A histogram of caches, which has a view, and one without a view.
        for name in ["cachescope.request.duration", "lengths"] {
            guard.meter_provider().meter("test").f64_histogram(name).build().record(0.25, &[]);
        }
        guard.shutdown()?;
        let request = one(&receiver, METRICS)?.metrics()?;
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        let metrics = scopes.flat_map(|scope| &scope.metrics).filter_map(|metric| metric.data.as_ref());
        let kinds: Vec<bool> = metrics
            .filter_map(|data| match data {
                Data::ExponentialHistogram(histogram) => Some(histogram.data_points[0].count == 1),
                Data::Histogram(_) => Some(false),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [exponential; 2], "{value}");
    }
    Ok(())
}
