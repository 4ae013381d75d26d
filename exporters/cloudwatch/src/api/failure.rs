use cachescope_exporter::DropReason;

/// The failure of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// Logged: holds no values, keys or names of accounts.
    pub(crate) cause: String,
}

/// The kind of a failure, which decides whether the request is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Nothing is stored: the request was throttled.
    Throttled,
    /// Nothing is stored: the service answered with an error of its own.
    Failed,
    /// Nothing is stored: the request was never sent.
    Unreachable,
    /// Nothing is stored, and a retry would fail too, because of the sender.
    Refused,
    /// Nothing is stored, and a retry would fail too, because of the contents.
    Invalid,
    /// The request was sent, and its outcome is unknown.
    Unknown,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, cause: impl Into<String>) -> Self {
        Self { kind, cause: cause.into() }
    }

    /// Returns the reason under which the metrics are counted if they are dropped.
    pub(crate) fn reason(&self) -> DropReason {
        match self.kind {
            FailureKind::Throttled => DropReason::Throttled,
            FailureKind::Failed | FailureKind::Unreachable => DropReason::Unreachable,
            FailureKind::Refused | FailureKind::Invalid => DropReason::Rejected,
            FailureKind::Unknown => DropReason::Unconfirmed,
        }
    }

    /// Creates the failure of a response with this status, and with the service's error code if the service sent it.
    pub(crate) fn answered(status: u16, code: Option<&str>) -> Self {
        let cause = match code {
            Some(code) => format!("{code} (HTTP {status})"),
            None => format!("HTTP {status}"),
        };
        Self::new(kind(status, code), cause)
    }
}

fn kind(status: u16, code: Option<&str>) -> FailureKind {
    const THROTTLING: [&str; 10] = [
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ];
    // Errors of an identity or a clock, which may be valid at the next attempt.
    const TEMPORARY: [&str; 5] =
        ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"];
    const INVALID: [&str; 8] = [
        "InvalidFormat",
        "InvalidFormatFault",
        "InvalidParameterCombination",
        "InvalidParameterCombinationException",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "MissingParameter",
        "MissingRequiredParameterException",
    ];
    match (status, code) {
        (429, _) => FailureKind::Throttled,
        (_, Some(code)) if THROTTLING.contains(&code) => FailureKind::Throttled,
        (_, Some(code)) if TEMPORARY.contains(&code) => FailureKind::Unreachable,
        // An error of the service itself. Without a code, it may be an error of a load balancer that got no response.
        (500 | 503, Some(_)) => FailureKind::Failed,
        (500.., _) => FailureKind::Unknown,
        (413, _) => FailureKind::Invalid,
        (_, Some(code)) if INVALID.contains(&code) => FailureKind::Invalid,
        _ => FailureKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_is_classified_by_status_and_code() {
        for (status, code, expected) in [
            (400, Some("ThrottlingException"), FailureKind::Throttled),
            (400, Some("Throttling"), FailureKind::Throttled),
            (429, None, FailureKind::Throttled),
            (500, Some("InternalServiceFault"), FailureKind::Failed),
            (503, Some("ServiceUnavailable"), FailureKind::Failed),
            (500, None, FailureKind::Unknown),
            (502, Some("BadGateway"), FailureKind::Unknown),
            (504, None, FailureKind::Unknown),
            (400, Some("InvalidParameterValue"), FailureKind::Invalid),
            (413, Some("RequestEntityTooLarge"), FailureKind::Invalid),
            (403, Some("AccessDenied"), FailureKind::Refused),
            (403, Some("ExpiredToken"), FailureKind::Unreachable),
            (404, None, FailureKind::Refused),
        ] {
            assert_eq!(Failure::answered(status, code).kind, expected, "{status} {code:?}");
        }
        assert_eq!(Failure::answered(400, Some("Throttling")).cause, "Throttling (HTTP 400)");
    }
}
