//! One PutMetricData, tried once, and what can be known of it.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{Config, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::{BoxError, ProvideErrorMetadata, SdkError};
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
        _ if !left => Failure::new(Kind::Unreachable, format!("it can't be sent: {}", innermost(error))),
        _ if is_connect(error) => Failure::new(Kind::Unreachable, innermost(error)),
        _ => Failure::new(Kind::Unknown, innermost(error)),
    }
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
