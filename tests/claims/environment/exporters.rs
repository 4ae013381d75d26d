//! Variables that choose the exporters of traces and metrics.

use std::net::UdpSocket;
use std::time::Duration;

use super::setup::{METRICS, TRACES, sending, sent, set_up, something};
use cachescope_tests::receiver::Receiver;

/// The number of requests with traces and with metrics.
fn requests(receiver: &Receiver) -> [usize; 2] {
    [TRACES, METRICS].map(|path| receiver.at(path).len())
}

#[test]
fn traces_exporter_selects_the_destination_of_traces() -> anyhow::Result<()> {
    for (value, expected) in [("otlp", 1), ("OTLP", 1), ("", 1), ("none", 0), ("otlp,otlp", 1)] {
        assert_eq!(requests(&sent(&[("OTEL_TRACES_EXPORTER", value)])?), [expected, 1], "{value}");
    }
    Ok(())
}

#[test]
fn metrics_exporter_selects_one_several_or_no_destination() -> anyhow::Result<()> {
    for (value, to_otlp, to_prometheus) in
        [("otlp", 1, false), ("", 1, false), ("none", 0, false), ("prometheus", 0, true), ("Prometheus, otlp", 1, true)]
    {
        let (receiver, guard) = sending(&[("OTEL_METRICS_EXPORTER", value), ("OTEL_EXPORTER_PROMETHEUS_PORT", "0")])?;
        something(&guard);
        assert_eq!(guard.prometheus_addr().is_some(), to_prometheus, "{value}");
        if let Some(address) = guard.prometheus_addr() {
            let page = ureq::get(format!("http://{address}/metrics")).call()?.body_mut().read_to_string()?;
            assert!(page.contains("things_total"), "{page}");
        }
        guard.shutdown()?;
        assert_eq!(requests(&receiver), [1, to_otlp], "{value}");
    }
    Ok(())
}

#[test]
fn statsd_exporter_sends_datagrams() -> anyhow::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let address = socket.local_addr()?.to_string();
    for value in ["statsd", "otlp,statsd"] {
        let (receiver, guard) = sending(&[("OTEL_METRICS_EXPORTER", value), ("CACHESCOPE_STATSD_ADDRESS", &address)])?;
        something(&guard);
        guard.shutdown()?;
        // It may be in any datagram; a timeout is an error.
        let mut datagram = [0; 8192];
        loop {
            let length = socket.recv(&mut datagram)?;
            if String::from_utf8_lossy(&datagram[..length]).contains("things") {
                break;
            }
        }
        assert_eq!(requests(&receiver), [1, usize::from(value.contains("otlp"))]);
    }
    Ok(())
}

#[test]
fn console_exporter_leaves_the_other_exporters_alone() -> anyhow::Result<()> {
    for (traces, metrics) in [("console", "none"), ("none", "console"), ("otlp,console", "console,otlp")] {
        let receiver = sent(&[("OTEL_TRACES_EXPORTER", traces), ("OTEL_METRICS_EXPORTER", metrics)])?;
        // The tests of the console exporter check its output. Here the others get the same as without it.
        assert_eq!(requests(&receiver), [traces, metrics].map(|value| usize::from(value.contains("otlp"))));
    }
    Ok(())
}

#[test]
fn cloudwatch_exporter_signs_for_the_region() -> anyhow::Result<()> {
    let receiver = Receiver::start()?;
    let guard = set_up(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "cloudwatch"),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", &receiver.endpoint),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ])?;
    something(&guard);
    // The receiver doesn't answer as CloudWatch does, so the shutdown may fail: only the request counts.
    drop(guard);
    let received = receiver.received();
    assert!(!received.is_empty() && received[0].headers["authorization"].contains("/eu-central-1/monitoring/"));
    Ok(())
}
