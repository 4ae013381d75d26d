//! Where traces and metrics go.

use std::net::UdpSocket;
use std::time::Duration;

use crate::receiver::Receiver;
use crate::set_up::{METRICS, TRACES, sending, sent, set_up, something};

/// How many requests of traces and of metrics came.
fn came(receiver: &Receiver) -> [usize; 2] {
    [TRACES, METRICS].map(|path| receiver.at(path).len())
}

#[test]
fn traces_go_where_they_are_sent() -> anyhow::Result<()> {
    for (value, expected) in [("otlp", 1), ("OTLP", 1), ("", 1), ("none", 0), ("otlp,otlp", 1)] {
        assert_eq!(came(&sent(&[("OTEL_TRACES_EXPORTER", value)])?), [expected, 1], "{value}");
    }
    Ok(())
}

#[test]
fn metrics_go_to_one_to_several_or_to_none() -> anyhow::Result<()> {
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
        assert_eq!(came(&receiver), [1, to_otlp], "{value}");
    }
    Ok(())
}

#[test]
fn to_statsd() -> anyhow::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let address = socket.local_addr()?.to_string();
    for value in ["statsd", "otlp,statsd"] {
        let (receiver, guard) = sending(&[("OTEL_METRICS_EXPORTER", value), ("CACHESCOPE_STATSD_ADDRESS", &address)])?;
        something(&guard);
        guard.shutdown()?;
        // In whichever datagram; that none comes any more is an error.
        let mut datagram = [0; 8192];
        loop {
            let length = socket.recv(&mut datagram)?;
            if String::from_utf8_lossy(&datagram[..length]).contains("things") {
                break;
            }
        }
        assert_eq!(came(&receiver), [1, usize::from(value.contains("otlp"))]);
    }
    Ok(())
}

#[test]
fn to_the_console() -> anyhow::Result<()> {
    for (traces, metrics) in [("console", "none"), ("none", "console"), ("otlp,console", "console,otlp")] {
        let receiver = sent(&[("OTEL_TRACES_EXPORTER", traces), ("OTEL_METRICS_EXPORTER", metrics)])?;
        // What it prints is the console's own tests' to see: here, that the others get what they get without it.
        assert_eq!(came(&receiver), [traces, metrics].map(|value| usize::from(value.contains("otlp"))));
    }
    Ok(())
}

#[test]
fn to_cloudwatch() -> anyhow::Result<()> {
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
    // The receiver's answer is none of CloudWatch's, so how the end goes is not of interest: a request has come.
    drop(guard);
    let received = receiver.received();
    assert!(!received.is_empty() && received[0].headers["authorization"].contains("/eu-central-1/monitoring/"));
    Ok(())
}
