//! Why an attempt failed, and what follows from that.

use std::error::Error as StdError;
use std::time::Duration;

use cachescope_core::DropReason;
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

/// A destination that asks for more patience than this isn't obeyed to the letter: nobody waits so long in an export.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Why an export failed, in words fit for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: String,
    /// Whether the destination itself said so.
    pub(crate) answered: bool,
    /// As what it counts, if it stays at that.
    pub(crate) reason: DropReason,
    pub(crate) retry: Retry,
}

/// Whether the same request may succeed later, as OTLP's specification has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    Soon,
    /// Not before so long has passed: the destination's own word.
    After(Duration),
}

impl Failure {
    /// Nothing was sent, because nobody is there.
    pub(crate) fn unreachable(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: false, reason: DropReason::Unreachable, retry: Retry::Soon }
    }

    /// It was sent, and no answer came.
    pub(crate) fn unconfirmed(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: false, reason: DropReason::Unconfirmed, retry: Retry::Soon }
    }

    /// It was not sent, and won't be.
    pub(crate) fn given_up(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: false, reason: DropReason::Shutdown, retry: Retry::Never }
    }

    pub(crate) fn unrepresentable(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: true, reason: DropReason::Unrepresentable, retry: Retry::Never }
    }

    /// Of an HTTP status that is no success.
    pub(crate) fn http(status: u16, says: &str, retry_after: Option<Duration>) -> Self {
        let later = retry_after.map_or(Retry::Soon, |wait| Retry::After(wait.min(LONGEST_WAIT)));
        // Gateways answer 502 to 504 for a collector that does not.
        let (answered, reason, retry) = match status {
            429 => (true, DropReason::Throttled, later),
            503 => (false, DropReason::Throttled, later),
            502 => (false, DropReason::Unreachable, Retry::Soon),
            504 => (false, DropReason::Unconfirmed, Retry::Soon),
            _ => (true, DropReason::Rejected, Retry::Never),
        };
        Self { cause: format!("HTTP status {says}"), answered, reason, retry }
    }

    pub(crate) fn grpc(status: &Status) -> Self {
        if let Some(source) = status.source() {
            // Tonic's own account of a connection, not the collector's word.
            let cause = innermost(source);
            return if chain(source).any(|error| error.is::<ConnectError>()) {
                Self::unreachable(cause)
            } else {
                Self::unconfirmed(cause)
            };
        }
        let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let later =
            wait.filter(|wait| !wait.is_zero()).map_or(Retry::Soon, |wait| Retry::After(wait.min(LONGEST_WAIT)));
        let (answered, reason, retry) = match status.code() {
            Code::Unavailable => (false, DropReason::Throttled, later),
            // Without word of when, it means that this request is too large, or that a quota is used up.
            Code::ResourceExhausted if wait.is_some() => (true, DropReason::Throttled, later),
            Code::Cancelled | Code::DeadlineExceeded => (false, DropReason::Unconfirmed, Retry::Soon),
            Code::Aborted | Code::OutOfRange | Code::DataLoss => (true, DropReason::Unconfirmed, Retry::Soon),
            Code::Unknown => (false, DropReason::Rejected, Retry::Never),
            _ => (true, DropReason::Rejected, Retry::Never),
        };
        Self { cause: format!("gRPC status {:?}", status.code()), answered, reason, retry }
    }

    /// Of a connection that gRPC has none to make of.
    pub(crate) fn transport(error: &tonic::transport::Error) -> Self {
        Self::unreachable(innermost(error))
    }

    pub(crate) fn reqwest(error: &reqwest::Error) -> Self {
        let cause = innermost(error);
        if error.is_builder() {
            let retry = Retry::Never;
            return Self { retry, ..Self::unreachable("the endpoint is not a URL this client can use") };
        }
        if error.is_connect() { Self::unreachable(cause) } else { Self::unconfirmed(cause) }
    }

    /// Whether what can't be sent twice can be kept for the next time: it surely did not arrive, and may yet.
    pub(crate) fn may_be_sent_later(&self) -> bool {
        self.retry != Retry::Never && matches!(self.reason, DropReason::Unreachable | DropReason::Throttled)
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// The last error of a chain. The outer ones repeat the URL, which may hold a token, and say "error sending request".
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let last = chain(error).last().unwrap_or(error);
    match last.downcast_ref::<reqwest::Error>() {
        Some(own) if own.is_timeout() => "no answer in time".to_owned(),
        Some(_) => "the request could not be sent".to_owned(),
        None => last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn http_statuses_are_told_apart_as_the_specification_does() {
        let table = [
            (400, DropReason::Rejected, Retry::Never, true),
            (404, DropReason::Rejected, Retry::Never, true),
            (408, DropReason::Rejected, Retry::Never, true),
            (429, DropReason::Throttled, Retry::Soon, true),
            (500, DropReason::Rejected, Retry::Never, true),
            (502, DropReason::Unreachable, Retry::Soon, false),
            (503, DropReason::Throttled, Retry::Soon, false),
            (504, DropReason::Unconfirmed, Retry::Soon, false),
        ];
        for (status, reason, retry, answered) in table {
            let failure = Failure::http(status, "text", None);
            assert_eq!((failure.reason, failure.retry, failure.answered), (reason, retry, answered), "{status}");
        }
        let wait = Duration::from_secs(7);
        assert_eq!(Failure::http(503, "503", Some(wait)).retry, Retry::After(wait));
        assert_eq!(Failure::http(429, "429", Some(Duration::MAX)).retry, Retry::After(LONGEST_WAIT));
        assert_eq!(Failure::http(400, "400", Some(wait)).retry, Retry::Never);
    }

    #[test]
    fn grpc_codes_are_told_apart_as_the_specification_does() {
        let table = [
            (Code::Unavailable, DropReason::Throttled, Retry::Soon),
            (Code::ResourceExhausted, DropReason::Rejected, Retry::Never),
            (Code::DeadlineExceeded, DropReason::Unconfirmed, Retry::Soon),
            (Code::DataLoss, DropReason::Unconfirmed, Retry::Soon),
            (Code::InvalidArgument, DropReason::Rejected, Retry::Never),
            (Code::Unauthenticated, DropReason::Rejected, Retry::Never),
            (Code::Unimplemented, DropReason::Rejected, Retry::Never),
        ];
        for (code, reason, retry) in table {
            let failure = Failure::grpc(&Status::new(code, "secret"));
            assert_eq!((failure.reason, failure.retry), (reason, retry), "{code:?}");
            assert_eq!(failure.cause, format!("gRPC status {code:?}"));
        }
        let wait = Duration::from_secs(3);
        for code in [Code::Unavailable, Code::ResourceExhausted] {
            let status = Status::with_error_details(code, "", ErrorDetails::with_retry_info(Some(wait)));
            let failure = Failure::grpc(&status);
            assert_eq!((failure.reason, failure.retry), (DropReason::Throttled, Retry::After(wait)), "{code:?}");
        }
    }

    #[test]
    fn only_what_surely_did_not_arrive_is_kept() {
        assert!(Failure::unreachable("").may_be_sent_later());
        assert!(Failure::http(503, "", None).may_be_sent_later());
        assert!(!Failure::http(504, "", None).may_be_sent_later(), "it may have arrived");
        assert!(!Failure::unconfirmed("").may_be_sent_later());
        assert!(!Failure::http(400, "", None).may_be_sent_later());
        assert!(!Failure::given_up("").may_be_sent_later());
    }
}
