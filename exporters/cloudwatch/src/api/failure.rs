use cachescope_core::DropReason;

/// Why a request failed, in words fit for a log, and what follows from that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// Holds no values, keys or names of accounts.
    pub(crate) cause: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing is stored: it was too much for now.
    Throttled,
    /// Nothing is stored: the service failed, and said so.
    Failed,
    /// Nothing is stored: it never left.
    Unreachable,
    /// Nothing is stored, nor would be the next time: by who sends it.
    Refused,
    /// Nothing is stored, nor would be the next time: by something that is in it.
    Invalid,
    /// It was sent, and nothing is known of it.
    Unknown,
}

impl Failure {
    pub(crate) fn new(kind: Kind, cause: impl Into<String>) -> Self {
        Self { kind, cause: cause.into() }
    }

    /// As what it is counted, if it isn't tried again.
    pub(crate) fn reason(&self) -> DropReason {
        match self.kind {
            Kind::Throttled => DropReason::Throttled,
            Kind::Failed | Kind::Unreachable => DropReason::Unreachable,
            Kind::Refused | Kind::Invalid => DropReason::Rejected,
            Kind::Unknown => DropReason::Unconfirmed,
        }
    }

    /// Of an answer with this status, and the service's code if it is the service's.
    pub(crate) fn answered(status: u16, code: Option<&str>) -> Self {
        let cause = match code {
            Some(code) => format!("{code} (HTTP {status})"),
            None => format!("HTTP {status}"),
        };
        Self::new(kind(status, code), cause)
    }
}

fn kind(status: u16, code: Option<&str>) -> Kind {
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
    // Of an identity or a clock, which may be right the next time.
    const HEALS: [&str; 5] =
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
        (429, _) => Kind::Throttled,
        (_, Some(code)) if THROTTLING.contains(&code) => Kind::Throttled,
        (_, Some(code)) if HEALS.contains(&code) => Kind::Unreachable,
        // The service's own word that it failed. What a load balancer says of a service it couldn't hear is no such word.
        (500 | 503, Some(_)) => Kind::Failed,
        (500.., _) => Kind::Unknown,
        (413, _) => Kind::Invalid,
        (_, Some(code)) if INVALID.contains(&code) => Kind::Invalid,
        _ => Kind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_what_is_certain() {
        for (status, code, expected) in [
            (400, Some("ThrottlingException"), Kind::Throttled),
            (400, Some("Throttling"), Kind::Throttled),
            (429, None, Kind::Throttled),
            (500, Some("InternalServiceFault"), Kind::Failed),
            (503, Some("ServiceUnavailable"), Kind::Failed),
            (500, None, Kind::Unknown),
            (502, Some("BadGateway"), Kind::Unknown),
            (504, None, Kind::Unknown),
            (400, Some("InvalidParameterValue"), Kind::Invalid),
            (413, Some("RequestEntityTooLarge"), Kind::Invalid),
            (403, Some("AccessDenied"), Kind::Refused),
            (403, Some("ExpiredToken"), Kind::Unreachable),
            (404, None, Kind::Refused),
        ] {
            assert_eq!(Failure::answered(status, code).kind, expected, "{status} {code:?}");
        }
        assert_eq!(Failure::answered(400, Some("Throttling")).cause, "Throttling (HTTP 400)");
    }
}
