//! CloudWatch's API, used as by the command line: the content of a file is the request.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use cachescope_harness::Server;
use serde_json::{Value, json};

pub(crate) const REGION: &str = "us-east-1";

pub(crate) struct Api<'a> {
    url: &'a str,
    agent: ureq::Agent,
}

impl<'a> Api<'a> {
    pub(crate) fn of(double: &'a Server) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        Self { url: double.url(), agent: config.into() }
    }

    /// The answer of an operation.
    ///
    /// # Errors
    /// If the service refuses it.
    pub(crate) fn call(&self, operation: &str, input: &Value) -> Result<Value> {
        let mut answer = self
            .agent
            .post(self.url)
            .header("X-Amz-Target", format!("GraniteServiceVersion20100801.{operation}"))
            .header("Content-Type", "application/x-amz-json-1.0")
            .send(input.to_string())?;
        let body = answer.body_mut().read_to_string()?;
        ensure!(answer.status().is_success(), "{operation}: {}\n{body}", answer.status());
        if body.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&body).context(body) }
    }

    /// Every value of these queries in the last hour.
    pub(crate) fn values(&self, queries: &[Value]) -> Result<Vec<f64>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let input = json!({ "MetricDataQueries": queries, "StartTime": now - 3_600, "EndTime": now + 300 });
        let answer = self.call("GetMetricData", &input)?;
        let results = answer["MetricDataResults"].as_array().context("no results")?.iter();
        Ok(results.filter_map(|result| result["Values"].as_array()).flatten().filter_map(Value::as_f64).collect())
    }
}
