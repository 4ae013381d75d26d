use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cachescope_exporter::{BackgroundRuntime, Delivery, DropReason, ExporterStats};
use futures_util::future::{Either, select};
use opentelemetry_sdk::error::OTelSdkError;

use crate::client::Client;
use crate::destination::Destination;
use crate::encoding::Encoding;
use crate::failure::Failure;
use crate::partial_success::PartialSuccess;
use crate::payload::Payload;
use crate::retry::Retry;
use crate::signal::Signal;

/// Sends the payloads of one exporter: retries them, records the destination's health, and counts accepted items.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) signal: Signal,
    pub(crate) destination: Arc<Destination>,
    pub(crate) runtime: Arc<BackgroundRuntime>,
    pub(crate) delivery: Delivery,
    /// The time limit for all attempts of an export together.
    pub(crate) timeout: Duration,
    pub(crate) encoding: Encoding,
    pub(crate) client: Client,
    pub(crate) stats: ExporterStats,
}

/// The progress of an export, for the case that the export is ended early.
#[derive(Debug, Default)]
struct Progress {
    in_flight: AtomicBool,
    last: Mutex<Option<Failure>>,
}

impl Progress {
    /// Returns the failure of an export that was ended early.
    fn cut_short(self, cause: String, otherwise: impl FnOnce(String) -> Failure) -> Failure {
        if self.in_flight.into_inner() {
            return Failure::unconfirmed(cause);
        }
        match self.last.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // Between two attempts, the failure of the last one is the better cause.
            Some(last) => last,
            None => otherwise(cause),
        }
    }
}

/// Items of an export in progress. If the export is dropped before it ends, they may have arrived: this counts them as
/// unconfirmed.
struct UnsettledItems<'a> {
    stats: &'a ExporterStats,
    items: u64,
}

impl Drop for UnsettledItems<'_> {
    fn drop(&mut self) {
        self.stats.dropped(DropReason::Unconfirmed, self.items);
    }
}

impl Sender {
    /// Tries until the payload is accepted or refused, or the timeout has passed.
    ///
    /// Counts accepted items. The caller counts the others, because it may keep them.
    pub(crate) async fn send(&self, payload: &Payload) -> Result<(), Failure> {
        let unsettled = UnsettledItems { stats: &self.stats, items: payload.items };
        let progress = Progress::default();
        // The timeout is created inside the future, where a runtime is current.
        let bounded = self
            .runtime
            .drive(async { tokio::time::timeout(self.timeout, self.send_with_retries(payload, &progress)).await });
        // Polled first: an export that is given up isn't begun.
        let outcome = match select(pin!(self.delivery.given_up()), pin!(bounded)).await {
            Either::Right((Ok(outcome), _)) => Ok(outcome),
            Either::Right((Err(_elapsed), _)) => Err((format!("no response within {:?}", self.timeout), false)),
            Either::Left(_) => Err(("no response before the deadline of the shutdown".to_owned(), true)),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err((cause, given_up)) => {
                self.runtime.enter(|| self.client.reset());
                let failure = progress.cut_short(cause, Failure::given_up);
                // Whatever the failure, the shutdown is the reason why the payload is not retried.
                let is_shutdown = given_up && failure.reason != DropReason::Unconfirmed;
                Err(if is_shutdown { Failure::given_up(failure.cause) } else { failure })
            }
        };
        std::mem::forget(unsettled);
        self.destination.record(self.signal, outcome.as_ref().map(|_| ()));
        let partial = outcome?;
        self.destination.record_partial_success(self.signal, &partial);
        let rejected = partial.rejected_items.min(payload.items);
        self.stats.sent(payload.items - rejected);
        self.stats.dropped(DropReason::Rejected, rejected);
        Ok(())
    }

    async fn send_with_retries(&self, payload: &Payload, progress: &Progress) -> Result<PartialSuccess, Failure> {
        let started = Instant::now();
        let mut backoff = Retry::backoff();
        loop {
            let attempted = Instant::now();
            progress.in_flight.store(true, Ordering::Relaxed);
            let outcome = self.client.attempt(payload.body.clone()).await;
            progress.in_flight.store(false, Ordering::Relaxed);
            let failure = match outcome {
                Ok(body) => return Ok(PartialSuccess::read(self.signal, self.encoding.format, &body)),
                Err(failure) => failure,
            };
            if payload.at_most_once && failure.reason == DropReason::Unconfirmed {
                return Err(Failure { retry: Retry::Never, ..failure });
            }
            // If a connection takes this long to fail, the timeout would interrupt the next one, and it would be unknown
            // whether the request was sent.
            if failure.reason == DropReason::Unreachable && attempted.elapsed() >= self.timeout / 3 {
                return Err(failure);
            }
            let Some(delay) = failure.retry.delay(&mut backoff, fastrand::f64()) else { return Err(failure) };
            if delay >= self.timeout.saturating_sub(started.elapsed()) {
                return Err(failure);
            }
            *progress.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
            let pause = pin!(tokio::time::sleep(delay));
            if failure.reason == DropReason::Unreachable {
                if let Either::Right(_) = select(pause, pin!(self.delivery.hurried())).await {
                    return Err(failure);
                }
            } else {
                pause.await;
            }
            self.stats.retried();
        }
    }

    /// Returns the error for the SDK.
    pub(crate) fn error(&self, failure: Failure) -> OTelSdkError {
        OTelSdkError::InternalFailure(format!(
            "failed to deliver {} to {}: {}",
            self.signal.name(),
            self.destination.name(),
            failure.cause
        ))
    }
}
