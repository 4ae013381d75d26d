//! Amazon CloudWatch, by its API or through standard output.

use cachescope_cloudwatch::CloudWatch;

use super::{Destinations, Selection};
use crate::{Error, MetricExporter};

pub(super) fn open(selection: &Selection<'_>, opened: &mut Destinations) -> Result<(), Error> {
    let read = || CloudWatch::from_lookup(&|name| selection.environment.get(name)).map_err(Error::cloudwatch);
    #[cfg(feature = "cloudwatch")]
    if selection.metrics.contains(&MetricExporter::CloudWatch) {
        let cloudwatch = read()?;
        let exporter = cloudwatch.metric_exporter().map_err(Error::cloudwatch)?;
        opened.push_metrics(exporter, selection.interval, cloudwatch.stats());
        opened.deliveries.push(cloudwatch.delivery());
    }
    #[cfg(feature = "emf")]
    if selection.metrics.contains(&MetricExporter::Emf) {
        let exporter = read()?.emf_exporter(std::io::stdout());
        let stats = exporter.stats().clone();
        opened.push_metrics(exporter, selection.interval, &stats);
    }
    Ok(())
}
