//! Datagrams on their way, and what becomes of them.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cachescope_core::{DropReason, Exports};
use futures_timer::Delay;

use crate::address::{Address, Target};
use crate::datagram::Datagram;
use crate::socket::Socket;

/// How many datagrams go out over UDP at once: some 45 KiB, of a receive buffer that Linux makes 208 KiB. What runs it
/// over is lost, and nobody hears of it.
const BURST: usize = 32;

/// How long one export waits in all for a server that doesn't keep up with a Unix socket.
const PATIENCE: Duration = Duration::from_millis(100);

/// Between bursts, and between attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// Sends datagrams to one server, counts them, and says when that server is lost or found.
#[derive(Debug)]
pub(crate) struct Delivery {
    address: Address,
    target: Target,
    /// None until the first use, while an export has it, and after an error.
    socket: Mutex<Option<Socket>>,
    lost: AtomicBool,
    exports: Exports,
}

/// Why something didn't arrive.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: DropReason,
    pub(crate) cause: io::Error,
}

impl Delivery {
    pub(crate) fn new(address: Address, target: Target, exports: Exports) -> Self {
        Self { address, target, socket: Mutex::default(), lost: AtomicBool::new(false), exports }
    }

    pub(crate) fn datagram_size(&self) -> usize {
        self.target.datagram_size()
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.exports
    }

    /// Sends them in order, each as if no other had failed.
    ///
    /// # Errors
    /// The last failure. Everything is counted by then.
    pub(crate) async fn send(&self, datagrams: Vec<Datagram>) -> Result<(), Failure> {
        let mut line = Line { delivery: self, socket: self.take(), patience: PATIENCE };
        let mut failed = line.refusal();
        // Why an earlier part was lost of the point that goes on.
        let mut broken = None;
        let points = datagrams.iter().map(|datagram| datagram.points).sum();
        let mut unsent = Unsent { exports: &self.exports, points };
        for (index, datagram) in datagrams.iter().enumerate() {
            if index > 0 && index % BURST == 0 && matches!(self.target, Target::Udp(_)) {
                Delay::new(PAUSE).await;
            }
            let lost = match line.send(datagram.text.as_bytes()).await {
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
        let Line { socket, .. } = line;
        self.put(socket);
        if failed.is_some() || !datagrams.is_empty() {
            self.say(failed.as_ref());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Counts the points that end in `datagram`, and gives on why the one that goes on is lost, if it is.
    fn count(&self, datagram: &Datagram, lost: Option<DropReason>, broken: Option<DropReason>) -> Option<DropReason> {
        match (lost, broken) {
            (Some(reason), _) => self.exports.dropped(reason, datagram.points),
            (None, Some(reason)) if datagram.points > 0 => {
                self.exports.dropped(reason, 1);
                self.exports.sent(datagram.points - 1);
            }
            (None, _) => self.exports.sent(datagram.points),
        }
        let earlier = if datagram.points == 0 { broken } else { None };
        if datagram.goes_on { lost.or(earlier) } else { None }
    }

    fn say(&self, failed: Option<&Failure>) {
        let was_lost = self.lost.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(failure) if !was_lost => tracing::warn!(
                address = %self.address,
                cause = %failure.cause,
                "can't deliver metrics to StatsD at {}: {}; the program goes on, metrics are dropped until it is back",
                self.address,
                failure.cause,
            ),
            None if was_lost => {
                tracing::info!(address = %self.address, "metrics are delivered to StatsD at {} again", self.address);
            }
            _ => {}
        }
    }

    /// An export has the socket for itself; another at the same time makes one of its own.
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

/// Points that are yet to be sent. Dropped with any left, as when whoever exports gives up half-way, they are lost.
struct Unsent<'a> {
    exports: &'a Exports,
    points: u64,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        self.exports.dropped(DropReason::Shutdown, self.points);
    }
}

/// What one export sends through.
struct Line<'a> {
    delivery: &'a Delivery,
    socket: Option<Socket>,
    /// What is left of it.
    patience: Duration,
}

impl Line<'_> {
    /// What was heard since the last export, of what was counted as sent then: the server isn't back.
    fn refusal(&self) -> Option<Failure> {
        let cause = self.socket.as_ref()?.refusal()?;
        Some(Failure { reason: DropReason::Unreachable, cause })
    }

    async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let began = Instant::now();
        loop {
            match self.attempt(datagram) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < self.patience => {
                    Delay::new(PAUSE).await;
                }
                outcome => {
                    let waited = if began.elapsed() > PAUSE { began.elapsed() } else { Duration::ZERO };
                    self.patience = self.patience.saturating_sub(waited);
                    return outcome;
                }
            }
        }
    }

    /// A socket that was good before may belong to a server that is gone while another has its path.
    fn attempt(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut again = false;
        if let Some(socket) = &self.socket {
            match socket.send(datagram) {
                // The server's word, and heard of an earlier datagram: the socket is good.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused && matches!(socket, Socket::Udp(_)) => {
                    return Err(error);
                }
                // A socket keeps the address it was connected from, which this machine may have no more.
                Err(error) if error.kind() != ErrorKind::WouldBlock => again = true,
                outcome => return outcome,
            }
        }
        self.socket = None;
        let socket = self.socket.insert(Socket::connect(&self.delivery.target)?);
        if again {
            self.delivery.exports.retried();
        }
        socket.send(datagram)
    }
}

fn reason(error: &io::Error) -> DropReason {
    if error.kind() == ErrorKind::WouldBlock { DropReason::Throttled } else { DropReason::Unreachable }
}

#[cfg(test)]
mod tests {
    use cachescope_core::ExportedItem;

    use super::*;

    #[test]
    fn a_point_of_which_a_part_is_lost_is_lost_once() {
        let exports = Exports::new("test", ExportedItem::DataPoint);
        let target = Address::default().resolve().unwrap();
        let delivery = Delivery::new(Address::default(), target, exports.clone());
        let datagram = |points, goes_on| Datagram { text: String::new(), points, goes_on };
        let lost = Some(DropReason::Unreachable);
        // One point over three datagrams, of which the first is lost; two more points in the last.
        let broken = delivery.count(&datagram(1, true), lost, None);
        let broken = delivery.count(&datagram(0, true), None, broken);
        assert_eq!(broken, lost);
        assert_eq!(delivery.count(&datagram(3, false), None, broken), None);
        assert_eq!((exports.total_sent(), exports.total_dropped_for(DropReason::Unreachable)), (2, 2));
    }

    fn datagrams(number: u64) -> Vec<Datagram> {
        (0..number).map(|_| Datagram { text: "a:1|c".to_owned(), points: 2, goes_on: false }).collect()
    }

    #[test]
    fn what_an_export_that_is_dropped_half_way_has_not_sent_is_lost_and_counted() {
        let exports = Exports::new("test", ExportedItem::DataPoint);
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address: Address = server.local_addr().unwrap().to_string().parse().unwrap();
        let delivery = Delivery::new(address.clone(), address.resolve().unwrap(), exports.clone());
        // It pauses after a burst.
        let export = delivery.send(datagrams(40));
        assert!(futures_executor::block_on(async {
            let mut export = std::pin::pin!(export);
            std::future::poll_fn(|cx| std::task::Poll::Ready(export.as_mut().poll(cx).is_pending())).await
        }));
        assert_eq!((exports.total_sent(), exports.total_dropped_for(DropReason::Shutdown)), (64, 16));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_tried_again_where_the_socket_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statsd");
        let exports = Exports::new("test", ExportedItem::DataPoint);
        let address: Address = format!("unix://{}", path.display()).parse().unwrap();
        let delivery = Delivery::new(address.clone(), address.resolve().unwrap(), exports.clone());
        let server = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        futures_executor::block_on(delivery.send(datagrams(1))).unwrap();
        drop(server);
        std::fs::remove_file(&path).unwrap();
        futures_executor::block_on(delivery.send(datagrams(1))).unwrap_err();
        assert_eq!((exports.total_sent(), exports.total_dropped(), exports.total_retried()), (2, 2, 0));
        let _server = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        futures_executor::block_on(delivery.send(datagrams(1))).unwrap();
        assert_eq!((exports.total_sent(), exports.total_retried()), (4, 0));
    }
}
