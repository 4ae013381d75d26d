use std::error::Error as StdError;
use std::time::Duration;

use cachescope_exporter::DropReason;
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

use crate::retry::Retry;

/// The limit for the delay that a destination asks for. It is longer than any export waits.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The failure of an attempt, and its consequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Logged: holds no credentials.
    pub(crate) cause: String,
    /// Whether the failure is a response of the destination itself.
    pub(crate) answered: bool,
    /// The reason under which the items are counted if they are dropped.
    pub(crate) reason: DropReason,
    pub(crate) retry: Retry,
}

impl Failure {
    /// The destination couldn't be reached, and nothing was sent.
    pub(crate) fn unreachable(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: false, reason: DropReason::Unreachable, retry: Retry::Soon }
    }

    /// The request was sent, and no response came.
    pub(crate) fn unconfirmed(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: false, reason: DropReason::Unconfirmed, retry: Retry::Soon }
    }

    /// The request was not sent, and won't be.
    pub(crate) fn given_up(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: false, reason: DropReason::Shutdown, retry: Retry::Never }
    }

    /// The items can't be encoded.
    pub(crate) fn unrepresentable(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), answered: true, reason: DropReason::Unrepresentable, retry: Retry::Never }
    }

    /// The response has an HTTP status other than success. `text` is the status with its name.
    pub(crate) fn http(status: u16, text: &str, retry_after: Option<Duration>) -> Self {
        let later = retry_after.map_or(Retry::Soon, |wait| Retry::After(wait.min(LONGEST_WAIT)));
        // Gateways answer with 502 to 504 for a collector that doesn't answer.
        let (answered, reason, retry) = match status {
            429 => (true, DropReason::Throttled, later),
            503 => (false, DropReason::Throttled, later),
            502 => (false, DropReason::Unreachable, Retry::Soon),
            504 => (false, DropReason::Unconfirmed, Retry::Soon),
            _ => (true, DropReason::Rejected, Retry::Never),
        };
        Self { cause: format!("HTTP status {text}"), answered, reason, retry }
    }

    /// The response has a gRPC status other than success, or the connection failed.
    pub(crate) fn grpc(status: &Status) -> Self {
        if let Some(source) = status.source() {
            // An error of tonic's connection, not a response of the collector.
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
            // Without a delay, it means that this request is too large, or that a quota is used up.
            Code::ResourceExhausted if wait.is_some() => (true, DropReason::Throttled, later),
            Code::Cancelled | Code::DeadlineExceeded => (false, DropReason::Unconfirmed, Retry::Soon),
            Code::Aborted | Code::OutOfRange | Code::DataLoss => (true, DropReason::Unconfirmed, Retry::Soon),
            Code::Unknown => (false, DropReason::Rejected, Retry::Never),
            _ => (true, DropReason::Rejected, Retry::Never),
        };
        Self { cause: format!("gRPC status {:?}", status.code()), answered, reason, retry }
    }

    /// The gRPC connection couldn't be made.
    pub(crate) fn transport(error: &tonic::transport::Error) -> Self {
        Self::unreachable(innermost(error))
    }

    /// The HTTP request failed without a response.
    pub(crate) fn reqwest(error: &reqwest::Error) -> Self {
        let cause = innermost(error);
        if error.is_builder() {
            let retry = Retry::Never;
            return Self { retry, ..Self::unreachable("the endpoint is not a URL this client can use") };
        }
        if error.is_connect() { Self::unreachable(cause) } else { Self::unconfirmed(cause) }
    }

    /// Returns whether a payload that must not be sent twice can be kept for the next export: it certainly didn't arrive,
    /// and may succeed later.
    pub(crate) fn may_be_sent_later(&self) -> bool {
        self.retry != Retry::Never && matches!(self.reason, DropReason::Unreachable | DropReason::Throttled)
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// Returns the text of the last error of a chain. The outer errors repeat the URL, which may hold a token, and add only
/// "error sending request".
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let last = chain(error).last().unwrap_or(error);
    match last.downcast_ref::<reqwest::Error>() {
        Some(own) if own.is_timeout() => "no response in time".to_owned(),
        Some(_) => "the request could not be sent".to_owned(),
        None => last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn http_statuses_are_classified_by_the_specification() {
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
    fn grpc_codes_are_classified_by_the_specification() {
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
    fn payload_is_kept_only_when_it_certainly_did_not_arrive() {
        assert!(Failure::unreachable("").may_be_sent_later());
        assert!(Failure::http(503, "", None).may_be_sent_later());
        assert!(!Failure::http(504, "", None).may_be_sent_later(), "it may have arrived");
        assert!(!Failure::unconfirmed("").may_be_sent_later());
        assert!(!Failure::http(400, "", None).may_be_sent_later());
        assert!(!Failure::given_up("").may_be_sent_later());
    }
}
