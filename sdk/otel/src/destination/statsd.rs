//! A StatsD server.

use cachescope_statsd::StatsD;

use super::{Destinations, Selection};
use crate::{Error, MetricExporter};

pub(super) fn open(selection: &Selection<'_>, opened: &mut Destinations) -> Result<(), Error> {
    if !selection.metrics.contains(&MetricExporter::StatsD) {
        return Ok(());
    }
    let statsd = StatsD::from_lookup(&|name| selection.environment.get(name)).map_err(Error::statsd)?;
    let exporter = statsd.metric_exporter().map_err(Error::statsd)?;
    opened.push_metrics(exporter, selection.interval, statsd.stats());
    Ok(())
}
