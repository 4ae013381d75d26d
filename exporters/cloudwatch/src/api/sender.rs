use std::time::{Duration, Instant, SystemTime};

use aws_sdk_cloudwatch::Client;
use cachescope_exporter::{Backoff, Delivery, DropReason, ExporterStats};
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::OnceCell;

use super::attempt;
use super::client_settings::ClientSettings;
use super::failure::{Failure, FailureKind};
use super::pending_batch::PendingBatch;
use super::retry_queue::RetryQueue;
use crate::batch::batches;
use crate::datum::{self, Datum};
use crate::limits;
use crate::settings::{OnUnknown, Resolution, Settings};

/// The limit for concurrent requests.
const CONCURRENCY: usize = 4;

/// The time limits for a connection and for a response, unless the deadline is earlier.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);

/// The delays between the attempts of a request: 0.1 s, doubled up to 5 s, with full jitter.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 1.0);

/// The number of attempts of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempts {
    UntilDeadline,
    Once,
}

/// Sends the requests of an interval. A failure of one request doesn't end the others.
#[derive(Debug)]
pub(crate) struct Sender {
    namespace: String,
    resolution: Resolution,
    on_unknown: OnUnknown,
    client_settings: ClientSettings,
    client: OnceCell<Client>,
    connect_timeout: Duration,
    queue: RetryQueue,
    stats: ExporterStats,
    delivery: Delivery,
}

impl Sender {
    pub(crate) fn new(
        settings: &Settings,
        client_settings: &ClientSettings,
        stats: &ExporterStats,
        delivery: &Delivery,
    ) -> Self {
        Self {
            namespace: settings.namespace.clone(),
            resolution: settings.resolution,
            on_unknown: settings.on_unknown,
            client_settings: client_settings.clone(),
            client: OnceCell::new(),
            connect_timeout: CONNECT.min(settings.timeout / 4),
            queue: RetryQueue::new(settings.queue),
            stats: stats.clone(),
            delivery: delivery.clone(),
        }
    }

    /// Sends the datums of the queue and `fresh` until `deadline`. Returns `None` if there was nothing to send.
    ///
    /// # Errors
    ///
    /// The first failure.
    pub(crate) async fn send(
        &self,
        fresh: Vec<Datum>,
        deadline: Instant,
        attempts: Attempts,
    ) -> Option<Result<(), Failure>> {
        let now = SystemTime::now();
        let (waiting, too_old): (Vec<_>, Vec<_>) =
            self.queue.take().into_iter().partition(|datum| limits::is_valid_time(datum.time, now));
        self.stats.dropped(DropReason::Unreachable, datum::points(&too_old));
        // In separate requests, so that datums that fail again and again don't affect new ones.
        let waiting = batches(waiting).into_iter().map(|datums| PendingBatch::retry(datums, &self.stats));
        let fresh = batches(fresh).into_iter().map(|datums| PendingBatch::new(datums, &self.stats));
        let pending: Vec<PendingBatch> = waiting.chain(fresh).collect();
        if pending.is_empty() {
            return None;
        }
        let deliveries = stream::iter(pending).map(|batch| self.deliver(batch, deadline, attempts));
        let outcomes: Vec<_> = deliveries.buffer_unordered(CONCURRENCY).collect().await;
        Some(outcomes.into_iter().collect())
    }

    /// Drops the datums of the queue, and counts them as dropped by the shutdown.
    pub(crate) fn drop_queue(&self) {
        drop(PendingBatch::new(self.queue.take(), &self.stats));
    }

    /// Tries until the batch is stored, certainly won't be stored, or the deadline has passed.
    ///
    /// # Errors
    ///
    /// The last failure, if the batch wasn't stored.
    async fn deliver(&self, mut batch: PendingBatch, deadline: Instant, attempts: Attempts) -> Result<(), Failure> {
        let mut backoff = BACKOFF;
        let mut last = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left < self.shortest_attempt() {
                let failure =
                    last.unwrap_or_else(|| Failure::new(FailureKind::Unreachable, "the time left is too short"));
                return Err(self.keep(batch, failure));
            }
            if self.delivery.is_given_up() {
                return Err(given_up());
            }
            // If this future is dropped before the response, the outcome is unknown.
            batch.set_in_flight(true);
            let attempt = self.attempt(&mut batch, left.min(ATTEMPT));
            let Some(outcome) = self.delivery.unless_given_up(attempt).await else { return Err(given_up()) };
            batch.set_in_flight(false);
            let failure = match outcome {
                Ok(()) => {
                    batch.sent();
                    return Ok(());
                }
                Err(failure) => failure,
            };
            match failure.kind {
                FailureKind::Refused => {
                    batch.dropped(failure.reason());
                    return Err(failure);
                }
                FailureKind::Invalid => return self.isolate(batch, failure, deadline, attempts).await,
                FailureKind::Unknown if self.on_unknown == OnUnknown::Drop => {
                    batch.dropped(failure.reason());
                    return Err(failure);
                }
                FailureKind::Throttled | FailureKind::Failed | FailureKind::Unreachable | FailureKind::Unknown => {}
            }
            let delay = backoff.next_delay(fastrand::f64());
            if attempts == Attempts::Once || Instant::now() + delay >= deadline {
                return Err(self.keep(batch, failure));
            }
            if self.delivery.unless_given_up(tokio::time::sleep(delay)).await.is_none() {
                return Err(given_up());
            }
            last = Some(failure);
        }
    }

    async fn attempt(&self, batch: &mut PendingBatch, limit: Duration) -> Result<(), Failure> {
        let started = Instant::now();
        let client = self.client.get_or_try_init(|| self.client_settings.client(self.connect_timeout));
        let client = tokio::time::timeout(limit, client)
            .await
            .map_err(|_| Failure::new(FailureKind::Unreachable, format!("no region within {limit:?}")))??;
        let left = limit.saturating_sub(started.elapsed());
        if left < self.shortest_attempt() {
            return Err(Failure::new(FailureKind::Unreachable, "the time left is too short"));
        }
        batch.begin_attempt();
        attempt::put(client, &self.namespace, batch.datums(), self.resolution, left).await
    }

    /// Returns the shortest time for an attempt. If an attempt is interrupted while it connects, it is unknown whether the
    /// request was sent.
    fn shortest_attempt(&self) -> Duration {
        self.connect_timeout * 3 / 2
    }

    /// Sends the halves of a batch that was refused because of its contents, so that one invalid datum doesn't drop a
    /// thousand.
    async fn isolate(
        &self,
        batch: PendingBatch,
        failure: Failure,
        deadline: Instant,
        attempts: Attempts,
    ) -> Result<(), Failure> {
        let halves = match batch.split() {
            Ok(halves) => halves,
            Err(single) => {
                single.dropped(failure.reason());
                return Err(failure);
            }
        };
        for half in halves {
            // The failure is known already.
            Box::pin(self.deliver(half, deadline, attempts)).await.ok();
        }
        Err(failure)
    }

    /// Puts the datums of the batch into the queue. Returns the failure.
    fn keep(&self, batch: PendingBatch, failure: Failure) -> Failure {
        if self.queue.is_enabled() {
            let over = self.queue.push(batch.into_datums());
            self.stats.dropped(DropReason::QueueFull, over);
        } else {
            batch.dropped(failure.reason());
        }
        failure
    }
}

/// Counts the datums of the queue if the exporter is dropped without a shutdown.
impl Drop for Sender {
    fn drop(&mut self) {
        self.drop_queue();
    }
}

fn given_up() -> Failure {
    Failure::new(FailureKind::Unreachable, "no response before the deadline of the shutdown")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Result as IoResult, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use cachescope_exporter::{BackgroundRuntime, ExportedItem, Variables};

    use super::*;
    use crate::datum::DatumValue;

    /// Returns the response to a request with this body.
    type Service = fn(&[u8]) -> &'static [u8];

    const STORED: &[u8] = b"HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: 1\r\n\r\n\xa0";
    /// Without its body: the connection is closed.
    const INCOMPLETE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
    const INVALID: &[u8] = b"HTTP/1.1 400 Bad Request\r\nsmithy-protocol: rpc-v2-cbor\r\n\
        x-amzn-query-error: InvalidParameterValue;Sender\r\ncontent-length: 1\r\n\r\n\xa0";
    const DENIED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nsmithy-protocol: rpc-v2-cbor\r\n\
        x-amzn-query-error: AccessDenied;Sender\r\ncontent-length: 1\r\n\r\n\xa0";
    const GATEWAY: &[u8] = b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n";

    /// Starts a server on loopback, which runs until the test ends. Returns its URL.
    fn serve(service: Service) -> IoResult<String> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || answer(client, service));
            }
        });
        Ok(url)
    }

    fn answer(client: TcpStream, service: Service) -> IoResult<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        loop {
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line)? > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let response = service(&body);
            (&client).write_all(response)?;
            if response == INCOMPLETE {
                return Ok(());
            }
        }
    }

    fn datum(name: &str) -> Datum {
        Datum {
            name: name.to_owned(),
            dimensions: Vec::new().into(),
            unit: "None",
            time: SystemTime::now(),
            value: DatumValue::Single(1.0),
            points: 1,
        }
    }

    /// Sends eight metrics, one of which is `poison`, to a server. Returns the counts.
    fn send(service: Service) -> Option<ExporterStats> {
        send_to(&serve(service).ok()?, Attempts::UntilDeadline)
    }

    fn send_to(url: &str, attempts: Attempts) -> Option<ExporterStats> {
        let stats = ExporterStats::new("test", ExportedItem::DataPoint);
        let names = ["a", "b", "c", "d", "poison", "f", "g", "h"];
        let sender = sender(url, &stats)?;
        drive(&sender, names.map(datum).into(), attempts)?.err();
        Some(stats)
    }

    fn sender(url: &str, stats: &ExporterStats) -> Option<Sender> {
        let lookup = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some(url.to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        };
        let variables = Variables::new(&lookup);
        let (settings, client) = (Settings::read(variables).ok()?, ClientSettings::read(variables).ok()?);
        Some(Sender::new(&settings, &client, stats, &Delivery::new()))
    }

    fn drive(sender: &Sender, fresh: Vec<Datum>, attempts: Attempts) -> Option<Result<(), Failure>> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let sending = sender.send(fresh, deadline, attempts);
        let runtime = BackgroundRuntime::start("test").ok()?;
        pollster::block_on(runtime.drive(sending))
    }

    #[test]
    fn invalid_datum_is_found_and_the_others_are_stored() {
        let stats = send(|body| if body.windows(6).any(|part| part == b"poison") { INVALID } else { STORED }).unwrap();
        assert_eq!((stats.total_sent(), stats.total_dropped_for(DropReason::Rejected)), (7, 1));
        assert_eq!((stats.total_dropped(), stats.total_retried()), (1, 6), "three halvings");
    }

    #[test]
    fn request_with_queued_datums_counts_as_a_retry() {
        static TRIES: AtomicU64 = AtomicU64::new(0);
        const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nsmithy-protocol: rpc-v2-cbor\r\n\
            x-amzn-query-error: InternalServiceFault;Receiver\r\ncontent-length: 1\r\n\r\n\xa0";
        let url = serve(|_| if TRIES.fetch_add(1, Ordering::Relaxed) < 1 { FAILED } else { STORED }).unwrap();
        let stats = ExporterStats::new("test", ExportedItem::DataPoint);
        let sender = sender(&url, &stats).unwrap();
        assert!(drive(&sender, vec![datum("a")], Attempts::Once).is_some_and(|sent| sent.is_err()));
        assert_eq!((stats.total_sent(), stats.total_retried()), (0, 0));
        assert_eq!(drive(&sender, Vec::new(), Attempts::Once), Some(Ok(())));
        assert_eq!((stats.total_sent(), stats.total_retried()), (1, 1));
    }

    #[test]
    fn queued_datums_are_counted_when_the_sender_is_dropped() {
        // Nothing listens on this port.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
        let stats = send_to(&format!("http://127.0.0.1:{port}"), Attempts::Once).unwrap();
        assert_eq!((stats.total_sent(), stats.total_dropped_for(DropReason::Shutdown)), (0, 8));
        assert_eq!(stats.total_dropped(), 8);
    }

    #[test]
    fn incomplete_response_with_a_success_status_counts_as_success() {
        let stats = send(|_| INCOMPLETE).unwrap();
        assert_eq!((stats.total_sent(), stats.total_dropped(), stats.total_retried()), (8, 0, 0));
    }

    #[test]
    fn denied_request_is_not_retried() {
        let stats = send(|_| DENIED).unwrap();
        assert_eq!((stats.total_dropped_for(DropReason::Rejected), stats.total_retried()), (8, 0));
    }

    #[test]
    fn error_of_a_proxy_counts_as_unconfirmed() {
        let stats = send(|_| GATEWAY).unwrap();
        assert_eq!((stats.total_dropped_for(DropReason::Unconfirmed), stats.total_retried()), (8, 0));
    }

    #[test]
    fn throttled_request_is_retried() {
        static TRIES: AtomicU64 = AtomicU64::new(0);
        const THROTTLED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nsmithy-protocol: rpc-v2-cbor\r\n\
            x-amzn-query-error: Throttling;Sender\r\ncontent-length: 1\r\n\r\n\xa0";
        let stats = send(|_| if TRIES.fetch_add(1, Ordering::Relaxed) < 2 { THROTTLED } else { STORED }).unwrap();
        assert_eq!((stats.total_sent(), stats.total_dropped(), stats.total_retried()), (8, 0, 2));
    }
}
