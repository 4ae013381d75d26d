use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use crate::Delivery;
use crate::destination::{Destination, Failure};
use crate::driver::Driver;
use crate::settings::Signal;

/// What both exporters wrap around an export: a runtime to run it, an end to waiting, and an eye on the outcome.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) signal: Signal,
    pub(crate) destination: Arc<Destination>,
    pub(crate) driver: Arc<Driver>,
    /// The sending half too, so that the signal outlives the `Otlp` it came from.
    pub(crate) delivery: Delivery,
    pub(crate) timeout: Duration,
    pub(crate) last_failure: LastFailure,
}

/// Where the HTTP client leaves the cause that `opentelemetry-otlp` replaces by "network error".
#[derive(Clone, Debug, Default)]
pub(crate) struct LastFailure(Arc<Mutex<Option<Failure>>>);

impl LastFailure {
    pub(crate) fn set(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Watch {
    /// Runs one export to its end, its timeout, or until the delivery is given up.
    pub(crate) async fn export(&self, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let mut given_up = self.delivery.subscribe();
        // What an attempt left behind that a retry then made good.
        self.last_failure.take();
        // Tonic's own timeout starts only once a connection stands, so a host that swallows packets would hold it for
        // minutes; this one covers everything, retries included.
        let bounded = self.driver.drive(async { tokio::time::timeout(self.timeout, export).await });
        let outcome = match select(pin!(bounded), pin!(given_up.wait_for(|given_up| *given_up))).await {
            Either::Left((Ok(outcome), _)) => outcome.map_err(|error| self.failure(error)),
            Either::Left((Err(_elapsed), _)) => Err(self.cut_short(&format!("no answer within {:?}", self.timeout))),
            Either::Right(_) => Err(self.cut_short("no answer until the deadline for shutting down")),
        };
        self.destination.record(self.signal, outcome.as_ref().copied());
        outcome.map_err(|failure| {
            OTelSdkError::InternalFailure(format!(
                "can't deliver {} to {}: {}",
                self.signal.name(),
                self.destination.name(),
                failure.cause
            ))
        })
    }

    /// Between two attempts the last one's failure is the better cause.
    fn cut_short(&self, cause: &str) -> Failure {
        self.last_failure.take().unwrap_or_else(|| Failure { cause: cause.to_owned(), answered: false })
    }

    fn failure(&self, error: OTelSdkError) -> Failure {
        if let Some(seen) = self.last_failure.take() {
            return seen;
        }
        let text = match error {
            OTelSdkError::InternalFailure(text) => text,
            other => other.to_string(),
        };
        grpc_failure(text)
    }
}

/// Reads `opentelemetry-otlp`'s only account of a failed gRPC export: "… failed with gRPC code: Unavailable: transport
/// error: tcp connect error: Connection refused (os error 111)".
fn grpc_failure(text: String) -> Failure {
    let Some((_, detail)) = text.split_once("gRPC code: ") else {
        return Failure { cause: text, answered: true };
    };
    let (code, cause) = detail.split_once(": ").unwrap_or((detail, ""));
    // The codes by which tonic, not the collector, reports a connection that failed or an answer that did not come.
    let answered = !matches!(code, "Unavailable" | "DeadlineExceeded" | "Cancelled" | "Unknown");
    // The innermost cause is the one to act on; those around it say "transport error".
    let innermost = cause.rsplit(": ").next().filter(|c| !c.is_empty());
    Failure { cause: innermost.map_or_else(|| format!("gRPC status {code}"), str::to_owned), answered }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_failures_name_the_innermost_cause() {
        let refused = grpc_failure(
            "TonicTracesClient export failed with gRPC code: Unavailable: transport error: tcp connect error: \
             Connection refused (os error 111)"
                .into(),
        );
        assert_eq!(refused.cause, "Connection refused (os error 111)");
        assert!(!refused.answered);

        let rejected = grpc_failure("TonicMetricsClient export failed with gRPC code: Unimplemented".into());
        assert_eq!(rejected.cause, "gRPC status Unimplemented");
        assert!(rejected.answered);
    }
}
