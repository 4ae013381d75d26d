//! Servers that are unreachable or don't read.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use cachescope_exporter::DropReason;
use cachescope_statsd::{Address, StatsD};
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use crate::service::Service;

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 8_192];
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout that isn't zero");
    let length = socket.recv(&mut buffer).unwrap_or_default();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn closed_port_drops_all_points_until_a_server_listens() {
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = gone.local_addr().unwrap();
    drop(gone);
    let service = Service::new(StatsD::new(server.to_string().parse().unwrap())).unwrap();
    let requests = service.meter.u64_counter("requests").build();
    for exports in 1..=3 {
        (0..100).for_each(|number| requests.add(1, &[KeyValue::new("number", number)]));
        service.meters.force_flush().unwrap_err();
        assert_eq!(service.counts(), (0, 100 * exports));
    }
    assert_eq!(service.statsd.stats().total_dropped_for(DropReason::Unreachable), 300);

    let socket = UdpSocket::bind(server).unwrap();
    requests.add(7, &[]);
    service.meters.force_flush().unwrap();
    let mut buffer = [0; 1_500];
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"requests:7|c");
    assert_eq!(service.counts(), (1, 300));
}

#[test]
fn unix_socket_may_be_created_later_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statsd.sock");
    let service = Service::new(StatsD::new(Address::Unix(path.clone()))).unwrap();
    let requests = service.meter.u64_counter("requests").build();
    requests.add(1, &[]);
    service.meters.force_flush().unwrap_err();
    assert_eq!(service.counts(), (0, 1));

    for added in [2, 3] {
        // The second time, the connection to the first server's socket is dead.
        let server = UnixDatagram::bind(&path).unwrap();
        requests.add(added, &[]);
        service.meters.force_flush().unwrap();
        assert_eq!(received(&server), format!("requests:{added}|c"));
        drop(server);
        std::fs::remove_file(&path).unwrap();
    }
    assert_eq!(service.counts(), (2, 1));
    assert_eq!(service.statsd.stats().total_retried(), 1);
    requests.add(1, &[]);
    service.meters.force_flush().unwrap_err();
    assert_eq!(service.statsd.stats().total_dropped_for(DropReason::Unreachable), 2);
}

#[test]
fn full_socket_limits_the_wait_and_counts_throttled_points() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statsd.sock");
    let server = UnixDatagram::bind(&path).unwrap();
    let service = Service::new(StatsD::new(Address::Unix(path))).unwrap();
    let requests = service.meter.u64_counter("requests").build();
    // About 500 KiB for each export. The capacity of the socket depends on the kernel, so exports go on until it is full.
    let began = Instant::now();
    let throttled = || service.statsd.stats().total_dropped_for(DropReason::Throttled);
    let mut exports = 0;
    while throttled() == 0 {
        assert!(exports < 100, "a socket that isn't read accepts everything");
        (0..1_900).for_each(|number| {
            let filler = KeyValue::new("filler", "x".repeat(200));
            requests.add(1, &[KeyValue::new("number", number), filler]);
        });
        drop(service.meters.force_flush());
        exports += 1;
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(service.counts().0 + throttled(), 1_900 * exports, "all points are counted");
    drop(server);
}

#[test]
fn nothing_is_sent_after_shutdown() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string().parse().unwrap();
    let statsd = StatsD::new(address);
    let exporter = statsd.metric_exporter().unwrap();
    exporter.shutdown().unwrap();
    let nothing = ResourceMetrics::default();
    futures_executor::block_on(exporter.export(&nothing)).unwrap_err();
    assert_eq!(statsd.stats().total_sent(), 0);
}
