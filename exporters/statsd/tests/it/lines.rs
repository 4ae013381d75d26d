//! Lines as a server receives them.

use std::io;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use cachescope_exporter::DropReason;
use cachescope_statsd::{Address, Dialect, StatsD, Timings};
use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;

use crate::service::Service;

/// The time limit for a failing test.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Starts a server.
fn server() -> io::Result<(UdpSocket, Address)> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let port = socket.local_addr()?.port();
    Ok((socket, Address::Udp { host: "127.0.0.1".into(), port }))
}

/// Receives the lines of the next datagram, sorted.
fn lines(socket: &UdpSocket) -> io::Result<Vec<String>> {
    let mut buffer = [0; 65_536];
    let length = socket.recv(&mut buffer)?;
    let mut lines: Vec<String> = String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect();
    lines.sort();
    Ok(lines)
}

#[test]
fn every_instrument_has_its_lines() {
    let (socket, address) = server().unwrap();
    let statsd = StatsD::new(address).prefix("app").resource_attributes(["service.name"]);
    let service = Service::new(statsd).unwrap();
    let hit = [KeyValue::new("result", "hit")];
    let requests = service.meter.u64_counter("requests").build();
    let saved = service.meter.f64_counter("saved").with_unit("s").build();
    let active = service.meter.i64_up_down_counter("active").build();
    let level = service.meter.f64_gauge("level").build();
    let duration = service.meter.f64_histogram("duration").with_unit("s").with_boundaries(vec![0.01, 1.0]).build();
    requests.add(2, &hit);
    saved.add(0.25, &[]);
    active.add(-3, &[]);
    level.record(0.5, &[]);
    duration.record(0.125, &hit);
    service.meters.force_flush().unwrap();
    let tags = "|#service.name:shop";
    assert_eq!(
        lines(&socket).unwrap(),
        [
            format!("app.active:-3|g{tags}"),
            format!("app.active:0|g{tags}"),
            "app.duration:125|ms|#result:hit,service.name:shop".to_owned(),
            format!("app.level:0.5|g{tags}"),
            "app.requests:2|c|#result:hit,service.name:shop".to_owned(),
            format!("app.saved:0.25|c{tags}"),
        ]
    );
    // Counters are deltas, and up-down counters current values.
    requests.add(5, &hit);
    active.add(4, &[]);
    service.meters.force_flush().unwrap();
    assert_eq!(
        lines(&socket).unwrap(),
        [format!("app.active:1|g{tags}"), "app.requests:5|c|#result:hit,service.name:shop".to_owned()]
    );
    assert_eq!(service.counts(), (7, 0));
}

#[test]
fn summary_has_four_lines() {
    let (socket, address) = server().unwrap();
    let statsd = StatsD::new(address).dialect(Dialect::Plain).timings(Timings::Summarised);
    let service = Service::new(statsd).unwrap();
    let duration = service.meter.u64_histogram("duration").with_unit("us").build();
    [1_000, 2_000, 4_500].into_iter().for_each(|us| duration.record(us, &[KeyValue::new("a.b", "c.d")]));
    service.meters.force_flush().unwrap();
    assert_eq!(
        lines(&socket).unwrap(),
        [
            "duration.a_b.c_d.count:3|c",
            "duration.a_b.c_d.max:4.5|g",
            "duration.a_b.c_d.min:1|g",
            "duration.a_b.c_d.sum:7.5|c",
        ]
    );
}

#[test]
fn points_that_cannot_be_represented_are_counted_and_others_arrive() {
    let (socket, address) = server().unwrap();
    let service = Service::new(StatsD::new(address)).unwrap();
    // The SDK refuses infinity, but its sums may reach it.
    let large = service.meter.f64_counter("large").build();
    (0..2).for_each(|_| large.add(f64::MAX, &[]));
    service.meter.f64_histogram("times").build().record(-1.0, &[]);
    let requests = service.meter.u64_counter("requests").build();
    requests.add(1, &[KeyValue::new("long", "x".repeat(2_000))]);
    requests.add(1, &[]);
    service.meters.force_flush().unwrap();
    assert_eq!(lines(&socket).unwrap(), ["requests:1|c"]);
    assert_eq!(service.counts(), (1, 3));
    assert_eq!(service.statsd.stats().total_dropped_for(DropReason::Unrepresentable), 3);
}

/// Receives datagrams until one has a line that begins with `end`. Returns the other lines, and the longest datagram.
fn drain(receive: impl Fn(&mut [u8]) -> io::Result<usize>, end: &str) -> io::Result<(Vec<String>, usize)> {
    let (mut all, mut longest, mut buffer) = (Vec::new(), 0, [0; 65_536]);
    loop {
        let length = receive(&mut buffer)?;
        longest = longest.max(length);
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        all.extend(text.lines().filter(|line| !line.starts_with(end)).map(str::to_owned));
        if text.lines().any(|line| line.starts_with(end)) {
            return Ok((all, longest));
        }
    }
}

/// Exports many series, and then one more in a separate export.
fn export_many(service: &Service) -> OTelSdkResult {
    let requests = service.meter.u64_counter("requests").build();
    (0..1_500).for_each(|number| requests.add(1, &[KeyValue::new("number", number)]));
    service.meters.force_flush()?;
    service.meter.u64_counter("end").build().add(1, &[]);
    service.meters.force_flush()
}

#[test]
fn datagrams_are_filled_up_to_their_limit() {
    let (socket, address) = server().unwrap();
    let service = Service::new(StatsD::new(address)).unwrap();
    let reading = std::thread::spawn(move || drain(|buffer| socket.recv(buffer), "end:"));
    export_many(&service).unwrap();
    let (lines, longest) = reading.join().unwrap().unwrap();
    assert_eq!(lines.len(), 1_500);
    assert!((1_400..=1_432).contains(&longest), "{longest}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statsd.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let service = Service::new(StatsD::new(Address::Unix(path))).unwrap();
    let reading = std::thread::spawn(move || drain(|buffer| socket.recv(buffer), "end:"));
    export_many(&service).unwrap();
    let (lines, longest) = reading.join().unwrap().unwrap();
    assert_eq!(lines.len(), 1_500);
    assert!((8_150..=8_192).contains(&longest), "{longest}");
}
