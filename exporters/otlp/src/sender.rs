//! Sends one payload: tries, waits, tries again, and keeps the books.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cachescope_core::{DropReason, Exports};
use futures_util::future::{Either, select};
use opentelemetry_sdk::error::OTelSdkError;

use crate::Delivery;
use crate::answer::Rejection;
use crate::backoff::Backoff;
use crate::destination::Destination;
use crate::driver::Driver;
use crate::failure::{Failure, Retry};
use crate::grpc_client::GrpcClient;
use crate::http_client::HttpClient;
use crate::payload::{Encoding, Payload};
use crate::settings::Signal;

/// What both exporters send by: a client, a runtime to run it, an end to waiting, and an eye on the outcome.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) signal: Signal,
    pub(crate) destination: Arc<Destination>,
    pub(crate) driver: Arc<Driver>,
    pub(crate) delivery: Delivery,
    /// For all attempts together.
    pub(crate) timeout: Duration,
    pub(crate) encoding: Encoding,
    pub(crate) client: Client,
    pub(crate) exports: Exports,
}

#[derive(Debug)]
pub(crate) enum Client {
    Http(HttpClient),
    Grpc(Box<GrpcClient>),
}

impl Client {
    async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        match self {
            Self::Http(client) => client.attempt(body).await,
            Self::Grpc(client) => client.attempt(body).await,
        }
    }
}

/// How far a payload got, for whoever cuts it short.
#[derive(Debug, Default)]
struct Progress {
    in_flight: AtomicBool,
    last: Mutex<Option<Failure>>,
}

impl Progress {
    fn cut_short(self, cause: String, otherwise: impl FnOnce(String) -> Failure) -> Failure {
        if self.in_flight.into_inner() {
            return Failure::unconfirmed(cause);
        }
        match self.last.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // Between two attempts the last one's failure is the better cause.
            Some(last) => last,
            None => otherwise(cause),
        }
    }
}

/// Items whose fate is open. Dropped while it still is, as when an export is dropped half-way, they may have arrived.
struct Unsettled<'a> {
    exports: &'a Exports,
    items: u64,
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.exports.dropped(DropReason::Unconfirmed, self.items);
    }
}

impl Sender {
    /// Tries until the payload is taken, refused, or time is up. Counts what was taken; what was not is the caller's to
    /// count, who may keep it.
    pub(crate) async fn send(&self, payload: &Payload) -> Result<(), Failure> {
        let unsettled = Unsettled { exports: &self.exports, items: payload.items };
        let progress = Progress::default();
        // The sleep is made inside, where there is a runtime.
        let bounded =
            self.driver.drive(async { tokio::time::timeout(self.timeout, self.persist(payload, &progress)).await });
        // Whether it is given up is asked first: what is, isn't begun.
        let outcome = match select(pin!(self.delivery.given_up()), pin!(bounded)).await {
            Either::Right((Ok(outcome), _)) => Ok(outcome),
            Either::Right((Err(_elapsed), _)) => Err((format!("no answer within {:?}", self.timeout), false)),
            Either::Left(_) => Err(("no answer until the deadline for shutting down".to_owned(), true)),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err((cause, given_up)) => {
                if let Client::Grpc(client) = &self.client {
                    self.driver.enter(|| client.reset());
                }
                let failure = progress.cut_short(cause, Failure::given_up);
                // Whatever it was, the end of the program is why it is not tried again.
                let over = given_up && failure.reason != DropReason::Unconfirmed;
                Err(if over { Failure::given_up(failure.cause) } else { failure })
            }
        };
        std::mem::forget(unsettled);
        self.destination.record(self.signal, outcome.as_ref().map(|_| ()));
        let rejection = outcome?;
        self.destination.record_rejection(self.signal, &rejection);
        let rejected = rejection.items.min(payload.items);
        self.exports.sent(payload.items - rejected);
        self.exports.dropped(DropReason::Rejected, rejected);
        Ok(())
    }

    async fn persist(&self, payload: &Payload, progress: &Progress) -> Result<Rejection, Failure> {
        let started = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            let tried = Instant::now();
            progress.in_flight.store(true, Ordering::Relaxed);
            let outcome = self.client.attempt(payload.body.clone()).await;
            progress.in_flight.store(false, Ordering::Relaxed);
            let failure = match outcome {
                Ok(answer) => return Ok(Rejection::read(self.signal, self.encoding.format, &answer)),
                Err(failure) => failure,
            };
            if payload.at_most_once && failure.reason == DropReason::Unconfirmed {
                return Err(Failure { retry: Retry::Never, ..failure });
            }
            // Where a connection takes so long to fail, another would be cut off half-way, and nobody would know how far
            // it got.
            if failure.reason == DropReason::Unreachable && tried.elapsed() >= self.timeout / 3 {
                return Err(failure);
            }
            let Some(wait) = backoff.wait(failure.retry, fastrand::f64()) else { return Err(failure) };
            if wait >= self.timeout.saturating_sub(started.elapsed()) {
                return Err(failure);
            }
            *progress.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
            let pause = pin!(tokio::time::sleep(wait));
            if failure.reason == DropReason::Unreachable {
                if let Either::Right(_) = select(pause, pin!(self.delivery.hurried())).await {
                    return Err(failure);
                }
            } else {
                pause.await;
            }
            self.exports.retried();
        }
    }

    /// As the SDK is told of it.
    pub(crate) fn error(&self, failure: Failure) -> OTelSdkError {
        OTelSdkError::InternalFailure(format!(
            "can't deliver {} to {}: {}",
            self.signal.name(),
            self.destination.name(),
            failure.cause
        ))
    }
}
