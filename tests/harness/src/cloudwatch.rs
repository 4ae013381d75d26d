//! A double of CloudWatch's metrics API, as the service itself can't be run locally. It refuses requests above the
//! documented limits of PutMetricData, and returns the metrics that it accepted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http;
use crate::part::Part;
use crate::ports::Ports;
use crate::recipe::Recipe;
use crate::server::Server;

const NAME: &str = "cloudwatch";

const RECIPE: Recipe = Recipe {
    name: NAME,
    files: &[
        ("double.py", include_str!("../parts/cloudwatch/double.py")),
        ("metric_math.py", include_str!("../parts/cloudwatch/metric_math.py")),
        ("requirements.txt", include_str!("../parts/cloudwatch/requirements.txt")),
    ],
    steps: &[
        &["python3", "-m", "venv", "venv"],
        &["./venv/bin/pip", "install", "--disable-pip-version-check", "-r", "requirements.txt"],
    ],
    // The folder is moved once it is built. The interpreter of a venv finds its packages after a move; its scripts don't.
    binary: "venv/bin/python",
};

#[derive(Debug)]
pub(crate) struct CloudwatchPart;

impl Part for CloudwatchPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["client"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, _folder: &Path) -> Result<Command> {
        let built = program.ancestors().nth(3).context("the interpreter isn't in the venv that its recipe makes")?;
        let mut command = Command::new(program);
        command.arg(built.join("double.py")).args(["--port", &ports.number(NAME, "client").to_string()]);
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&format!("http://{}/_control/requests", ports.address(NAME, "client")))
    }
}

/// The endpoint of the double at `address`.
pub(crate) fn url(address: &str) -> String {
    format!("http://{address}")
}

/// Controls a [`Server::cloudwatch`], and returns the requests and metrics that it received.
///
/// ```no_run
/// # fn main() -> anyhow::Result<()> {
/// use cachescope_harness::{Cloudwatch, Server};
///
/// let server = Server::cloudwatch()?;
/// let control = Cloudwatch::of(&server);
/// control.throttle(2)?;
/// // ... three requests to server.url(), of which the third is accepted ...
/// assert_eq!(control.requests()?.len(), 3);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Cloudwatch {
    url: String,
}

/// A request of a client.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct CloudwatchRequest {
    /// The operation, such as `PutMetricData`.
    pub op: Option<String>,
    /// The number of metrics in the request.
    pub datums: usize,
    /// The size of the body as sent, in bytes.
    pub body_bytes: usize,
    /// The size of the body after decompression, in bytes.
    pub uncompressed_bytes: usize,
    /// Whether the body was compressed.
    pub gzip: bool,
    /// The HTTP status of the answer, once there is one.
    pub status: Option<u16>,
    /// The error code of the answer, if it is an error.
    pub error: Option<String>,
}

/// An accepted metric, as it was sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct CloudwatchDatum {
    /// The namespace of the request.
    pub namespace: String,
    /// The name of the metric.
    pub metric_name: String,
    /// Names and values of the dimensions.
    #[serde(default)]
    dimensions: Vec<Dimension>,
    /// The single value, if it has one.
    pub value: Option<f64>,
    /// Values; each occurred as often as the same place in `counts` says.
    #[serde(default)]
    pub values: Vec<f64>,
    /// The number of times that each of `values` occurred.
    #[serde(default)]
    pub counts: Vec<f64>,
    /// Exact statistics, if they were sent.
    pub statistic_values: Option<CloudwatchStatistics>,
    /// The unit, one of CloudWatch's.
    pub unit: Option<String>,
    /// The resolution in seconds: 60 or 1.
    pub storage_resolution: Option<u32>,
}

/// A statistic set.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct CloudwatchStatistics {
    /// The number of measurements.
    pub sample_count: f64,
    /// The sum of all measurements.
    pub sum: f64,
    /// The smallest measurement.
    pub minimum: f64,
    /// The largest measurement.
    pub maximum: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

impl CloudwatchDatum {
    /// The dimensions, by name.
    #[must_use]
    pub fn dimensions(&self) -> BTreeMap<&str, &str> {
        self.dimensions.iter().map(|dimension| (dimension.name.as_str(), dimension.value.as_str())).collect()
    }

    /// The amount that this adds to the metric's Sum.
    #[must_use]
    pub fn sum(&self) -> f64 {
        let of_values = || self.values.iter().zip(&self.counts).map(|(value, count)| value * count).sum();
        self.statistic_values.map(|statistics| statistics.sum).or(self.value).unwrap_or_else(of_values)
    }
}

impl Cloudwatch {
    /// The control of a server that [`Server::cloudwatch`] started.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        Self { url: format!("{}/_control", server.url()) }
    }

    /// Answers the next `requests` requests with 400 and `ThrottlingException`.
    ///
    /// # Errors
    /// When the double doesn't answer.
    pub fn throttle(&self, requests: usize) -> Result<()> {
        self.order(&json!({ "throttle": requests }))
    }

    /// Answers the next `requests` requests with 500, after those that are throttled.
    ///
    /// # Errors
    /// As [`Cloudwatch::throttle`].
    pub fn fail_500(&self, requests: usize) -> Result<()> {
        self.order(&json!({ "fail_500": requests }))
    }

    /// Delays the next `requests` requests by this time. Their metrics are stored then, even if the client has given up.
    ///
    /// # Errors
    /// As [`Cloudwatch::throttle`].
    pub fn hang(&self, requests: usize, time: Duration) -> Result<()> {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.order(&json!({ "hang": requests, "hang_ms": milliseconds }))
    }

    /// Drops all metrics, requests and settings, and ends the requests that hang.
    ///
    /// # Errors
    /// As [`Cloudwatch::throttle`].
    pub fn reset(&self) -> Result<()> {
        self.order(&json!({ "reset": true }))
    }

    /// The requests since the start or the last reset.
    ///
    /// # Errors
    /// As [`Cloudwatch::throttle`].
    pub fn requests(&self) -> Result<Vec<CloudwatchRequest>> {
        self.list("requests")
    }

    /// The metrics accepted since the start or the last reset.
    ///
    /// # Errors
    /// As [`Cloudwatch::throttle`].
    pub fn datums(&self) -> Result<Vec<CloudwatchDatum>> {
        self.list("datums")
    }

    fn list<T: serde::de::DeserializeOwned>(&self, what: &str) -> Result<Vec<T>> {
        let answer = http::json(&format!("{}/{what}", self.url), &[])?;
        serde_json::from_value(answer).with_context(|| format!("the {what} of the CloudWatch double"))
    }

    fn order(&self, orders: &Value) -> Result<()> {
        http::post(&self.url, orders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PutMetricData in awsJson, one of the protocols of the double.
    fn put(server: &Server, datum: &Value) -> Result<u16> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let body = json!({ "Namespace": "test", "MetricData": [datum] });
        let answer = agent
            .post(server.url())
            .header("X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData")
            .header("Content-Type", "application/x-amz-json-1.0")
            .send(body.to_string())?;
        Ok(answer.status().as_u16())
    }

    #[test]
    fn double_accepts_metrics_within_the_limits_and_follows_its_control() -> Result<()> {
        let mut server = Server::cloudwatch()?;
        let control = Cloudwatch::of(&server);
        let good = json!({ "MetricName": "m", "Value": 4.0, "Dimensions": [{ "Name": "a", "Value": "b" }] });
        control.throttle(1)?;
        control.fail_500(1)?;
        let statuses = [put(&server, &good)?, put(&server, &good)?, put(&server, &good)?];
        assert_eq!(statuses, [400, 500, 200]);
        let too_many = vec![1.0; 151];
        let bad = json!({ "MetricName": "m", "Values": too_many, "Counts": too_many });
        assert_eq!(put(&server, &bad)?, 400);
        let codes: Vec<_> = control.requests()?.into_iter().map(|request| request.error).collect();
        let code = |code: &str| Some(code.to_owned());
        let expected = [code("ThrottlingException"), code("InternalServiceError"), None, code("InvalidParameterValue")];
        assert_eq!(codes, expected);
        let taken = control.datums()?;
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert_eq!((taken[0].sum(), taken[0].dimensions()), (4.0, BTreeMap::from([("a", "b")])));
        control.reset()?;
        assert!(control.datums()?.is_empty() && control.requests()?.is_empty());
        server.kill()?;
        assert!(control.requests().is_err());
        server.restart()?;
        assert_eq!(put(&server, &good)?, 200);
        Ok(())
    }
}
