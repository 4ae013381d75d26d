use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cachescope_exporter::{DropReason, ExporterStats, HealthReporter};
use futures_timer::Delay;

use crate::address::{Address, Target};
use crate::datagram::Datagram;
use crate::socket::Socket;

/// The number of datagrams that are sent over UDP without a pause: about 45 KiB. Linux has a receive buffer of 208 KiB, and
/// datagrams that exceed it are lost without an error.
const BURST: usize = 32;

/// The total time that an export waits for a server that is too slow for a Unix socket.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// The pause between bursts, and between attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// Sends datagrams to one server, counts their data points, and logs the loss and recovery of the server.
#[derive(Debug)]
pub(crate) struct Transport {
    address: Address,
    target: Target,
    /// `None` until the first use, while an export has taken it, and after an error.
    socket: Mutex<Option<Socket>>,
    health: HealthReporter,
    stats: ExporterStats,
}

/// The failure of a datagram.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: DropReason,
    pub(crate) cause: io::Error,
}

impl Transport {
    pub(crate) fn new(address: Address, target: Target, stats: ExporterStats) -> Self {
        let destination = format!("StatsD at {address}");
        let health = HealthReporter::new(destination, "metrics", "metrics are dropped until delivery succeeds");
        Self { address, target, socket: Mutex::default(), health, stats }
    }

    pub(crate) fn datagram_size(&self) -> usize {
        self.target.datagram_size()
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn stats(&self) -> &ExporterStats {
        &self.stats
    }

    /// Sends datagrams in order. The failure of one doesn't end the others. Counts all data points.
    ///
    /// # Errors
    ///
    /// The last failure.
    pub(crate) async fn send(&self, datagrams: Vec<Datagram>) -> Result<(), Failure> {
        let mut connection = Connection { transport: self, socket: self.take(), wait_left: MAX_WAIT };
        let mut failed = connection.refusal();
        // The reason why an earlier part of the point that continues was lost.
        let mut broken = None;
        let points = datagrams.iter().map(|datagram| datagram.points).sum();
        let mut unsent = Unsent { stats: &self.stats, points };
        for (index, datagram) in datagrams.iter().enumerate() {
            if index > 0 && index % BURST == 0 && matches!(self.target, Target::Udp(_)) {
                Delay::new(PAUSE).await;
            }
            let lost = match connection.send(datagram.text.as_bytes()).await {
                Ok(()) => None,
                Err(cause) => {
                    let reason = reason(&cause);
                    failed = Some(Failure { reason, cause });
                    Some(reason)
                }
            };
            broken = self.count(datagram, lost, broken);
            unsent.points -= datagram.points;
        }
        let Connection { socket, .. } = connection;
        self.put(socket);
        if failed.is_some() || !datagrams.is_empty() {
            self.health.record(failed.as_ref().map_or(Ok(()), |failure| Err(&failure.cause as _)));
        }
        failed.map_or(Ok(()), Err)
    }

    /// Counts the points that end in `datagram`. Returns the reason why the point that continues is lost, if it is.
    fn count(&self, datagram: &Datagram, lost: Option<DropReason>, broken: Option<DropReason>) -> Option<DropReason> {
        match (lost, broken) {
            (Some(reason), _) => self.stats.dropped(reason, datagram.points),
            (None, Some(reason)) if datagram.points > 0 => {
                self.stats.dropped(reason, 1);
                self.stats.sent(datagram.points - 1);
            }
            (None, _) => self.stats.sent(datagram.points),
        }
        let earlier = if datagram.points == 0 { broken } else { None };
        if datagram.continues { lost.or(earlier) } else { None }
    }

    /// Takes the socket. A concurrent export creates another one.
    fn take(&self) -> Option<Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, socket: Option<Socket>) {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = socket;
    }

    pub(crate) fn close(&self) {
        self.put(None);
    }
}

/// Data points that aren't sent yet. If the export is dropped before its end, this counts them as dropped by the shutdown.
struct Unsent<'a> {
    stats: &'a ExporterStats,
    points: u64,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        self.stats.dropped(DropReason::Shutdown, self.points);
    }
}

/// The connection of one export.
struct Connection<'a> {
    transport: &'a Transport,
    socket: Option<Socket>,
    /// The time that the export may still wait.
    wait_left: Duration,
}

impl Connection<'_> {
    /// Returns the refusal of a datagram of an earlier export, which was counted as sent then.
    fn refusal(&self) -> Option<Failure> {
        let cause = self.socket.as_ref()?.refusal()?;
        Some(Failure { reason: DropReason::Unreachable, cause })
    }

    async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let began = Instant::now();
        loop {
            match self.attempt(datagram) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < self.wait_left => {
                    Delay::new(PAUSE).await;
                }
                outcome => {
                    let waited = if began.elapsed() > PAUSE { began.elapsed() } else { Duration::ZERO };
                    self.wait_left = self.wait_left.saturating_sub(waited);
                    return outcome;
                }
            }
        }
    }

    /// Sends a datagram. Connects again if the socket fails, because another server may have the same path by now.
    fn attempt(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut is_retry = false;
        if let Some(socket) = &self.socket {
            match socket.send(datagram) {
                // A refusal by the server, possibly of an earlier datagram. The socket itself works.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused && matches!(socket, Socket::Udp(_)) => {
                    return Err(error);
                }
                // A socket keeps its local address, which this machine may have lost.
                Err(error) if error.kind() != ErrorKind::WouldBlock => is_retry = true,
                outcome => return outcome,
            }
        }
        self.socket = None;
        let socket = self.socket.insert(Socket::connect(&self.transport.target)?);
        if is_retry {
            self.transport.stats.retried();
        }
        socket.send(datagram)
    }
}

fn reason(error: &io::Error) -> DropReason {
    if error.kind() == ErrorKind::WouldBlock { DropReason::Throttled } else { DropReason::Unreachable }
}

#[cfg(test)]
mod tests {
    use cachescope_exporter::ExportedItem;

    use super::*;

    #[test]
    fn point_is_dropped_once_when_a_part_of_it_is_lost() {
        let stats = ExporterStats::new("test", ExportedItem::DataPoint);
        let target = Address::default().resolve().unwrap();
        let transport = Transport::new(Address::default(), target, stats.clone());
        let datagram = |points, continues| Datagram { text: String::new(), points, continues };
        let lost = Some(DropReason::Unreachable);
        // One point in three datagrams, of which the first is lost, and two more points in the last.
        let broken = transport.count(&datagram(1, true), lost, None);
        let broken = transport.count(&datagram(0, true), None, broken);
        assert_eq!(broken, lost);
        assert_eq!(transport.count(&datagram(3, false), None, broken), None);
        assert_eq!((stats.total_sent(), stats.total_dropped_for(DropReason::Unreachable)), (2, 2));
    }

    fn datagrams(number: u64) -> Vec<Datagram> {
        (0..number).map(|_| Datagram { text: "a:1|c".to_owned(), points: 2, continues: false }).collect()
    }

    #[test]
    fn unsent_points_are_counted_when_an_export_is_dropped() {
        let stats = ExporterStats::new("test", ExportedItem::DataPoint);
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address: Address = server.local_addr().unwrap().to_string().parse().unwrap();
        let transport = Transport::new(address.clone(), address.resolve().unwrap(), stats.clone());
        // The export pauses after a burst.
        let export = transport.send(datagrams(40));
        assert!(futures_executor::block_on(async {
            let mut export = std::pin::pin!(export);
            std::future::poll_fn(|cx| std::task::Poll::Ready(export.as_mut().poll(cx).is_pending())).await
        }));
        assert_eq!((stats.total_sent(), stats.total_dropped_for(DropReason::Shutdown)), (64, 16));
    }

    #[cfg(unix)]
    #[test]
    fn datagram_is_not_retried_when_the_socket_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statsd");
        let stats = ExporterStats::new("test", ExportedItem::DataPoint);
        let address: Address = format!("unix://{}", path.display()).parse().unwrap();
        let transport = Transport::new(address.clone(), address.resolve().unwrap(), stats.clone());
        let server = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        futures_executor::block_on(transport.send(datagrams(1))).unwrap();
        drop(server);
        std::fs::remove_file(&path).unwrap();
        futures_executor::block_on(transport.send(datagrams(1))).unwrap_err();
        assert_eq!((stats.total_sent(), stats.total_dropped(), stats.total_retried()), (2, 2, 0));
        let _server = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        futures_executor::block_on(transport.send(datagrams(1))).unwrap();
        assert_eq!((stats.total_sent(), stats.total_retried()), (4, 0));
    }
}
