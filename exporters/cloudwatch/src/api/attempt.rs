//! One PutMetricData, tried once, and what can be known of it.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{Config, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::{BoxError, ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use hyper_util::client::legacy::Error as HttpError;

use super::failure::{Failure, Kind};
use super::wire;
use crate::datum::Datum;
use crate::settings::Resolution;

/// Sends `datums`, and waits `limit` for an answer.
pub(crate) async fn put(
    client: &Client,
    namespace: &str,
    datums: &[Datum],
    resolution: Resolution,
    limit: Duration,
) -> Result<(), Failure> {
    let departure = Departure::default();
    let data = datums.iter().map(|datum| wire::metric_datum(datum, resolution)).collect();
    let timeout = TimeoutConfig::builder().operation_attempt_timeout(limit).operation_timeout(limit).build();
    let sending = client
        .put_metric_data()
        .namespace(namespace)
        .set_metric_data(Some(data))
        .customize()
        .interceptor(departure.clone())
        .config_override(Config::builder().timeout_config(timeout));
    match sending.send().await {
        Ok(_) => Ok(()),
        // It was stored, and the answer, which holds nothing, broke off.
        Err(SdkError::ResponseError(answer)) if answer.raw().status().is_success() => Ok(()),
        Err(error) => Err(failure(&error, departure.left(), limit)),
    }
}

/// Whether a request got as far as being handed to the HTTP client: signed, with credentials.
#[derive(Clone, Debug, Default)]
struct Departure(Arc<AtomicBool>);

impl Departure {
    fn left(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Departure {
    fn name(&self) -> &'static str {
        "Departure"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn failure(error: &SdkError<PutMetricDataError>, left: bool, limit: Duration) -> Failure {
    match error {
        SdkError::ServiceError(answer) => Failure::answered(answer.raw().status().as_u16(), answer.err().code()),
        SdkError::ResponseError(answer) => Failure::answered(answer.raw().status().as_u16(), None),
        SdkError::TimeoutError(_) if left => Failure::new(Kind::Unknown, format!("no answer within {limit:?}")),
        SdkError::TimeoutError(_) => Failure::new(Kind::Unreachable, format!("no credentials within {limit:?}")),
        _ if !left => Failure::new(Kind::Unreachable, unsigned(error)),
        _ if is_connect(error) => Failure::new(Kind::Unreachable, innermost(error)),
        _ => Failure::new(Kind::Unknown, innermost(error)),
    }
}

/// Why a request never left. What the AWS SDK says of it may hold what a `credential_process` wrote, or names of roles.
fn unsigned(error: &(dyn StdError + 'static)) -> String {
    let what = "it can't be sent: no credentials are to be had";
    let code = causes(error).find_map(|cause| cause.downcast_ref::<ErrorMetadata>()?.code());
    code.map_or_else(|| what.to_owned(), |code| format!("{what} ({code})"))
}

/// Whether there was no connection to send it over.
fn is_connect(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect))
}

/// The one to act on; those around it say "dispatch failure".
fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_of_credentials_says_is_not_repeated() {
        let of = |cause: BoxError| failure(&SdkError::construction_failure(cause), false, Duration::from_secs(1));
        let found = of("the process said: hush-hush, arn:aws:iam::123456789012:role/x".into());
        assert_eq!(found, Failure::new(Kind::Unreachable, "it can't be sent: no credentials are to be had"));
        let denied = ErrorMetadata::builder().code("AccessDenied").message("arn:aws:iam::123456789012:role/x").build();
        assert_eq!(of(denied.into()).cause, "it can't be sent: no credentials are to be had (AccessDenied)");
    }
}
