//! HTTP requests to a part.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A part that takes longer to answer on loopback hangs.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Shorter, as a readiness probe needs no work. Another program that took the port may never answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        // Errors show the status with the body, which ureq's own error leaves out.
        .http_status_as_error(false)
        // Loopback needs no proxy, even if the user's environment names one.
        .proxy(None)
        .build()
        .into()
}

/// Whether a GET is answered with success within [`PROBE_TIMEOUT`].
pub(crate) fn healthy(url: &str) -> Result<bool> {
    Ok(agent(PROBE_TIMEOUT).get(url).call().with_context(|| format!("GET {url}"))?.status().is_success())
}

/// The body of a GET, an error if the status is not 2xx.
pub(crate) fn text(url: &str, query: &[(&str, &str)]) -> Result<String> {
    let mut answer =
        agent(TIMEOUT).get(url).query_pairs(query.iter().copied()).call().with_context(|| format!("GET {url}"))?;
    let body = answer.body_mut().with_config().limit(64 << 20).read_to_string()?;
    if !answer.status().is_success() {
        bail!("GET {url} {query:?}: {}\n{body}", answer.status());
    }
    Ok(body)
}

/// The JSON body of a GET.
pub(crate) fn json(url: &str, query: &[(&str, &str)]) -> Result<Value> {
    let body = text(url, query)?;
    serde_json::from_str(&body).with_context(|| format!("GET {url} {query:?}: not JSON: {body}"))
}

/// POSTs JSON, an error if the status is not 2xx.
pub(crate) fn post(url: &str, body: &Value) -> Result<()> {
    let mut answer = agent(TIMEOUT).post(url).send_json(body).with_context(|| format!("POST {url}"))?;
    if !answer.status().is_success() {
        let output = answer.body_mut().read_to_string().unwrap_or_default();
        bail!("POST {url} {body}: {}\n{output}", answer.status());
    }
    Ok(())
}
