//! What Prometheus shows of this run, once everything has had its time to arrive.

use std::time::Duration;

use anyhow::Context as _;
use cachescope_stack::eventually;

use crate::places::Places;
use crate::tally::Tally;

/// It bounds a failure; what arrives takes some seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many scrapes take longer than the gateway holds anything back.
const SCRAPES: f64 = 4.0;

/// Between what was counted and what is shown.
#[derive(Debug, Default, PartialEq, Eq)]
struct Differences {
    missing: Tally,
    too_much: Tally,
}

/// Waits until exactly `expected` is shown.
pub(crate) fn awaits(places: &Places, expected: &Tally) -> anyhow::Result<()> {
    let (prometheus, job) = (places.prometheus(), places.job());
    let differences = || {
        let shown = Tally::shown(prometheus, &job)?;
        Ok(Differences { missing: expected.since(&shown), too_much: shown.since(expected) })
    };
    eventually("what Prometheus shows", PATIENCE, differences, |found| *found == Differences::default())?;
    Ok(())
}

/// What is shown in the end: `expected` if it comes, and whatever there is if it doesn't. What comes too late or twice is
/// waited for as well.
pub(crate) fn finally(places: &Places, expected: &Tally) -> anyhow::Result<Tally> {
    let (prometheus, job) = (places.prometheus(), places.job());
    // Else the difference says it.
    awaits(places, expected).ok();
    let scrapes = format!("max(count_over_time(cachescope_requests_total{{job=\"{job}\"}}[1h]))");
    let already =
        prometheus.query(&scrapes)?.first().with_context(|| format!("Prometheus shows nothing of {job}"))?.value;
    let later = |found: &[cachescope_stack::Sample]| found.iter().any(|sample| sample.value >= already + SCRAPES);
    prometheus.eventually(&scrapes, 3 * PATIENCE, later)?;
    Tally::shown(prometheus, &job)
}
