//! Reads the counts of this run from Prometheus, once they have had time to arrive.

use std::time::Duration;

use anyhow::Context as _;
use cachescope_harness::eventually;

use crate::servers::Servers;
use crate::tally::Tally;

/// The timeout of a failure. A success takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// The number of scrapes that take longer than the gateway delays anything.
const SCRAPES: f64 = 4.0;

/// The differences between the counts of the processes and the counts in Prometheus.
#[derive(Debug, Default, PartialEq, Eq)]
struct Differences {
    missing: Tally,
    surplus: Tally,
}

/// Waits until Prometheus has exactly `expected`.
pub(crate) fn wait_for(servers: &Servers, expected: &Tally) -> anyhow::Result<()> {
    let (prometheus, job) = (servers.prometheus(), servers.job());
    let differences = || {
        let shown = Tally::query(prometheus, &job)?;
        Ok(Differences { missing: expected.since(&shown), surplus: shown.since(expected) })
    };
    eventually("the counts in Prometheus", PATIENCE, differences, |found| *found == Differences::default())?;
    Ok(())
}

/// Returns the final counts in Prometheus: `expected` if they arrive, the actual counts if they don't. Also waits for
/// counts that arrive late or twice.
pub(crate) fn settle(servers: &Servers, expected: &Tally) -> anyhow::Result<Tally> {
    let (prometheus, job) = (servers.prometheus(), servers.job());
    // A failure shows up as a difference.
    wait_for(servers, expected).ok();
    let scrapes = format!("max(count_over_time(cachescope_requests_total{{job=\"{job}\"}}[1h]))");
    let already =
        prometheus.query(&scrapes)?.first().with_context(|| format!("Prometheus has no series of {job}"))?.value;
    let later = |found: &[cachescope_harness::Sample]| found.iter().any(|sample| sample.value >= already + SCRAPES);
    prometheus.eventually(&scrapes, 3 * PATIENCE, later)?;
    Tally::query(prometheus, &job)
}
