//! A single attempt at a PutMetricData request.

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

use super::failure::{Failure, FailureKind};
use super::metric_datum;
use crate::datum::Datum;
use crate::settings::Resolution;

/// Sends `datums` in one request, and waits for the response up to `limit`.
pub(crate) async fn put(
    client: &Client,
    namespace: &str,
    datums: &[Datum],
    resolution: Resolution,
    limit: Duration,
) -> Result<(), Failure> {
    let transmission = Transmission::default();
    let data = datums.iter().map(|datum| metric_datum::metric_datum(datum, resolution)).collect();
    let timeout = TimeoutConfig::builder().operation_attempt_timeout(limit).operation_timeout(limit).build();
    let sending = client
        .put_metric_data()
        .namespace(namespace)
        .set_metric_data(Some(data))
        .customize()
        .interceptor(transmission.clone())
        .config_override(Config::builder().timeout_config(timeout));
    match sending.send().await {
        Ok(_) => Ok(()),
        // The metrics were stored. The body of the response is incomplete, and it has no contents.
        Err(SdkError::ResponseError(answer)) if answer.raw().status().is_success() => Ok(()),
        Err(error) => Err(failure(&error, transmission.began(), limit)),
    }
}

/// Records whether the HTTP client got the request, signed with credentials.
#[derive(Clone, Debug, Default)]
struct Transmission(Arc<AtomicBool>);

impl Transmission {
    fn began(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Transmission {
    fn name(&self) -> &'static str {
        "Transmission"
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

fn failure(error: &SdkError<PutMetricDataError>, was_sent: bool, limit: Duration) -> Failure {
    match error {
        SdkError::ServiceError(answer) => Failure::answered(answer.raw().status().as_u16(), answer.err().code()),
        SdkError::ResponseError(answer) => Failure::answered(answer.raw().status().as_u16(), None),
        SdkError::TimeoutError(_) if was_sent => {
            Failure::new(FailureKind::Unknown, format!("no response within {limit:?}"))
        }
        SdkError::TimeoutError(_) => Failure::new(FailureKind::Unreachable, format!("no credentials within {limit:?}")),
        _ if !was_sent => Failure::new(FailureKind::Unreachable, unsigned(error)),
        _ if is_connect(error) => Failure::new(FailureKind::Unreachable, innermost(error)),
        _ => Failure::new(FailureKind::Unknown, innermost(error)),
    }
}

/// Returns the cause of a request that wasn't sent. The AWS SDK's message isn't used, because it may contain output of a
/// `credential_process` or names of roles.
fn unsigned(error: &(dyn StdError + 'static)) -> String {
    let cause = "no credentials are available";
    let code = causes(error).find_map(|cause| cause.downcast_ref::<ErrorMetadata>()?.code());
    code.map_or_else(|| cause.to_owned(), |code| format!("{cause} ({code})"))
}

/// Returns whether the connection failed.
fn is_connect(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect))
}

/// Returns the text of the innermost cause. The outer ones add only "dispatch failure".
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
    fn message_of_a_credential_provider_is_not_shown() {
        let of = |cause: BoxError| failure(&SdkError::construction_failure(cause), false, Duration::from_secs(1));
        let found = of("the process said: hush-hush, arn:aws:iam::123456789012:role/x".into());
        assert_eq!(found, Failure::new(FailureKind::Unreachable, "no credentials are available"));
        let denied = ErrorMetadata::builder().code("AccessDenied").message("arn:aws:iam::123456789012:role/x").build();
        assert_eq!(of(denied.into()).cause, "no credentials are available (AccessDenied)");
    }
}
