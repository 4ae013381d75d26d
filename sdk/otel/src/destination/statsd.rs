//! To a StatsD server.

use cachescope_statsd::StatsD;

use super::{Destinations, Wanted};
use crate::{Error, MetricExporter};

pub(super) fn open(wanted: &Wanted<'_>, opened: &mut Destinations) -> Result<(), Error> {
    if !wanted.metrics.contains(&MetricExporter::StatsD) {
        return Ok(());
    }
    let statsd = StatsD::from_lookup(&|name| wanted.environment.get(name)).map_err(Error::statsd)?;
    let exporter = statsd.metric_exporter().map_err(Error::statsd)?;
    opened.push_metrics(exporter, wanted.interval, statsd.exports());
    Ok(())
}
