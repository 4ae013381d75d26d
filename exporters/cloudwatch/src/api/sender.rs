//! An interval's requests: each to its end, whatever becomes of the others.

use std::time::{Duration, Instant, SystemTime};

use aws_sdk_cloudwatch::Client;
use cachescope_core::{DropReason, Exports};
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::OnceCell;

use super::access::Access;
use super::attempt;
use super::backoff;
use super::delivery::Delivery;
use super::failure::{Failure, Kind};
use super::kept::Kept;
use super::parcel::Parcel;
use crate::batch::batches;
use crate::datum::{self, Datum};
use crate::limits;
use crate::settings::{OnUnknown, Resolution, Settings};

/// How many requests are on their way at once.
const AT_ONCE: usize = 4;

/// How long to wait for a connection, and for an answer, if the interval leaves as much.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);

/// How often a request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    UntilTimeIsUp,
    Once,
}

#[derive(Debug)]
pub(crate) struct Sender {
    namespace: String,
    resolution: Resolution,
    on_unknown: OnUnknown,
    access: Access,
    client: OnceCell<Client>,
    connect: Duration,
    kept: Kept,
    exports: Exports,
    delivery: Delivery,
}

impl Sender {
    pub(crate) fn new(settings: &Settings, access: &Access, exports: &Exports, delivery: &Delivery) -> Self {
        Self {
            namespace: settings.namespace.clone(),
            resolution: settings.resolution,
            on_unknown: settings.on_unknown,
            access: access.clone(),
            client: OnceCell::new(),
            connect: CONNECT.min(settings.timeout / 4),
            kept: Kept::new(settings.queue),
            exports: exports.clone(),
            delivery: delivery.clone(),
        }
    }

    /// Sends what is kept and `fresh`, until `until` at most. None if there was nothing to send, else the first failure.
    pub(crate) async fn send(
        &self,
        fresh: Vec<Datum>,
        until: Instant,
        patience: Patience,
    ) -> Option<Result<(), Failure>> {
        let now = SystemTime::now();
        let (kept, too_old): (Vec<_>, Vec<_>) =
            self.kept.take().into_iter().partition(|datum| limits::takes_time(datum.time, now));
        self.exports.dropped(DropReason::Unreachable, datum::points(&too_old));
        // Apart: what CloudWatch fails on, time and again, fails without what is new.
        let kept = batches(kept).into_iter().map(|batch| Parcel::again(batch, &self.exports));
        let fresh = batches(fresh).into_iter().map(|batch| Parcel::new(batch, &self.exports));
        let parcels: Vec<Parcel> = kept.chain(fresh).collect();
        if parcels.is_empty() {
            return None;
        }
        let deliveries = stream::iter(parcels).map(|parcel| self.deliver(parcel, until, patience));
        let outcomes: Vec<_> = deliveries.buffer_unordered(AT_ONCE).collect().await;
        Some(outcomes.into_iter().collect())
    }

    /// Counts what is kept as dropped by the shutdown.
    pub(crate) fn forget(&self) {
        drop(Parcel::new(self.kept.take(), &self.exports));
    }

    /// Tries until it is stored, certainly won't be, or time is up. An error is the last failure, if it wasn't stored.
    async fn deliver(&self, mut parcel: Parcel, until: Instant, patience: Patience) -> Result<(), Failure> {
        let mut tries = 0;
        let mut last = None;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left < self.enough() {
                let failure = last.unwrap_or_else(|| Failure::new(Kind::Unreachable, "too little time is left"));
                return Err(self.keep(parcel, failure));
            }
            if self.delivery.is_given_up() {
                return Err(given_up());
            }
            // Until the answer is here, whoever drops us can't tell.
            parcel.set_on_the_wire(true);
            let trying = self.attempt(&mut parcel, left.min(ATTEMPT));
            let Some(outcome) = self.delivery.unless_given_up(trying).await else { return Err(given_up()) };
            parcel.set_on_the_wire(false);
            let failure = match outcome {
                Ok(()) => {
                    parcel.sent();
                    return Ok(());
                }
                Err(failure) => failure,
            };
            match failure.kind {
                Kind::Refused => {
                    parcel.dropped(failure.reason());
                    return Err(failure);
                }
                Kind::Invalid => return self.isolate(parcel, failure, until, patience).await,
                Kind::Unknown if self.on_unknown == OnUnknown::Drop => {
                    parcel.dropped(failure.reason());
                    return Err(failure);
                }
                Kind::Throttled | Kind::Failed | Kind::Unreachable | Kind::Unknown => {}
            }
            let pause = backoff::pause(tries);
            if patience == Patience::Once || Instant::now() + pause >= until {
                return Err(self.keep(parcel, failure));
            }
            if self.delivery.unless_given_up(tokio::time::sleep(pause)).await.is_none() {
                return Err(given_up());
            }
            tries += 1;
            last = Some(failure);
        }
    }

    async fn attempt(&self, parcel: &mut Parcel, limit: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        let finding = self.client.get_or_try_init(|| self.access.client(self.connect));
        let client = tokio::time::timeout(limit, finding)
            .await
            .map_err(|_| Failure::new(Kind::Unreachable, format!("no region within {limit:?}")))??;
        let left = limit.saturating_sub(begun.elapsed());
        if left < self.enough() {
            return Err(Failure::new(Kind::Unreachable, "too little time is left"));
        }
        parcel.tries();
        attempt::put(client, &self.namespace, parcel.datums(), self.resolution, left).await
    }

    /// What a try takes at least: cut off while it connects, nobody could tell whether it was sent.
    fn enough(&self) -> Duration {
        self.connect * 3 / 2
    }

    /// Sends the halves of what wasn't taken for something in it, so that one datum doesn't cost a thousand.
    async fn isolate(
        &self,
        parcel: Parcel,
        failure: Failure,
        until: Instant,
        patience: Patience,
    ) -> Result<(), Failure> {
        let halves = match parcel.split() {
            Ok(halves) => halves,
            Err(single) => {
                single.dropped(failure.reason());
                return Err(failure);
            }
        };
        for half in halves {
            // Whether one of them fails is known already; why, too.
            Box::pin(self.deliver(half, until, patience)).await.ok();
        }
        Err(failure)
    }

    fn keep(&self, parcel: Parcel, failure: Failure) -> Failure {
        if self.kept.keeps_any() {
            let over = self.kept.put(parcel.unpack());
            self.exports.dropped(DropReason::QueueFull, over);
        } else {
            parcel.dropped(failure.reason());
        }
        failure
    }
}

/// Dropped without a shutdown, it counts what nobody will send any more.
impl Drop for Sender {
    fn drop(&mut self) {
        self.forget();
    }
}

fn given_up() -> Failure {
    Failure::new(Kind::Unreachable, "no answer until the deadline for shutting down")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Result as IoResult, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use cachescope_core::ExportedItem;

    use super::*;
    use crate::datum::Said;

    /// What a service says of a body.
    type Service = fn(&[u8]) -> &'static [u8];

    const STORED: &[u8] = b"HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: 1\r\n\r\n\xa0";
    /// The body doesn't come: the connection is closed.
    const BROKEN_OFF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
    const INVALID: &[u8] = b"HTTP/1.1 400 Bad Request\r\nsmithy-protocol: rpc-v2-cbor\r\n\
        x-amzn-query-error: InvalidParameterValue;Sender\r\ncontent-length: 1\r\n\r\n\xa0";
    const DENIED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nsmithy-protocol: rpc-v2-cbor\r\n\
        x-amzn-query-error: AccessDenied;Sender\r\ncontent-length: 1\r\n\r\n\xa0";
    const GATEWAY: &[u8] = b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n";

    /// Answers on loopback until the test ends. Returns its URL.
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
            let said = service(&body);
            (&client).write_all(said)?;
            if said == BROKEN_OFF {
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
            said: Said::Value(1.0),
            points: 1,
        }
    }

    /// Sends eight metrics, one of which is `poison`, to such a service; with what was counted.
    fn send(service: Service) -> Option<Exports> {
        send_to(&serve(service).ok()?, Patience::UntilTimeIsUp)
    }

    fn send_to(url: &str, patience: Patience) -> Option<Exports> {
        let exports = Exports::new("test", ExportedItem::DataPoint);
        let names = ["a", "b", "c", "d", "poison", "f", "g", "h"];
        let sender = sender(url, &exports)?;
        drive(&sender, names.map(datum).into(), patience)?.err();
        Some(exports)
    }

    fn sender(url: &str, exports: &Exports) -> Option<Sender> {
        let lookup = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some(url.to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        };
        let (settings, access) = (Settings::read(&lookup).ok()?, Access::read(&lookup).ok()?);
        Some(Sender::new(&settings, &access, exports, &Delivery::new()))
    }

    fn drive(sender: &Sender, fresh: Vec<Datum>, patience: Patience) -> Option<Result<(), Failure>> {
        let until = Instant::now() + Duration::from_secs(30);
        let sending = sender.send(fresh, until, patience);
        let driver = crate::api::Driver::start().ok()?;
        pollster::block_on(driver.drive(sending))
    }

    #[test]
    fn what_is_not_taken_is_found_and_costs_nobody_else() {
        let exports =
            send(|body| if body.windows(6).any(|part| part == b"poison") { INVALID } else { STORED }).unwrap();
        assert_eq!((exports.total_sent(), exports.total_dropped_for(DropReason::Rejected)), (7, 1));
        assert_eq!((exports.total_dropped(), exports.total_retried()), (1, 6), "three halvings");
    }

    #[test]
    fn what_was_kept_is_a_further_request() {
        static TRIES: AtomicU64 = AtomicU64::new(0);
        const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nsmithy-protocol: rpc-v2-cbor\r\n\
            x-amzn-query-error: InternalServiceFault;Receiver\r\ncontent-length: 1\r\n\r\n\xa0";
        let url = serve(|_| if TRIES.fetch_add(1, Ordering::Relaxed) < 1 { FAILED } else { STORED }).unwrap();
        let exports = Exports::new("test", ExportedItem::DataPoint);
        let sender = sender(&url, &exports).unwrap();
        assert!(drive(&sender, vec![datum("a")], Patience::Once).is_some_and(|sent| sent.is_err()));
        assert_eq!((exports.total_sent(), exports.total_retried()), (0, 0));
        assert_eq!(drive(&sender, Vec::new(), Patience::Once), Some(Ok(())));
        assert_eq!((exports.total_sent(), exports.total_retried()), (1, 1));
    }

    #[test]
    fn what_was_kept_is_counted_when_its_sender_goes() {
        // Nobody listens there any more.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
        let exports = send_to(&format!("http://127.0.0.1:{port}"), Patience::Once).unwrap();
        assert_eq!((exports.total_sent(), exports.total_dropped_for(DropReason::Shutdown)), (0, 8));
        assert_eq!(exports.total_dropped(), 8);
    }

    #[test]
    fn an_answer_that_breaks_off_after_its_status_is_one() {
        let exports = send(|_| BROKEN_OFF).unwrap();
        assert_eq!((exports.total_sent(), exports.total_dropped(), exports.total_retried()), (8, 0, 0));
    }

    #[test]
    fn who_is_not_allowed_does_not_try_again() {
        let exports = send(|_| DENIED).unwrap();
        assert_eq!((exports.total_dropped_for(DropReason::Rejected), exports.total_retried()), (8, 0));
    }

    #[test]
    fn the_word_of_a_proxy_is_no_word_of_the_service() {
        let exports = send(|_| GATEWAY).unwrap();
        assert_eq!((exports.total_dropped_for(DropReason::Unconfirmed), exports.total_retried()), (8, 0));
    }

    #[test]
    fn a_try_that_was_throttled_is_made_again() {
        static TRIES: AtomicU64 = AtomicU64::new(0);
        const THROTTLED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nsmithy-protocol: rpc-v2-cbor\r\n\
            x-amzn-query-error: Throttling;Sender\r\ncontent-length: 1\r\n\r\n\xa0";
        let exports = send(|_| if TRIES.fetch_add(1, Ordering::Relaxed) < 2 { THROTTLED } else { STORED }).unwrap();
        assert_eq!((exports.total_sent(), exports.total_dropped(), exports.total_retried()), (8, 0, 2));
    }
}
