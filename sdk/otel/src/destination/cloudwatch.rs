//! To Amazon CloudWatch, itself or by way of standard output.

use cachescope_cloudwatch::CloudWatch;

use super::{Destinations, Wanted};
use crate::{Error, MetricExporter};

pub(super) fn open(wanted: &Wanted<'_>, opened: &mut Destinations) -> Result<(), Error> {
    let read = || CloudWatch::from_lookup(&|name| wanted.environment.get(name)).map_err(Error::cloudwatch);
    #[cfg(feature = "cloudwatch")]
    if wanted.metrics.contains(&MetricExporter::CloudWatch) {
        let cloudwatch = read()?;
        let exporter = cloudwatch.metric_exporter().map_err(Error::cloudwatch)?;
        opened.push_metrics(exporter, wanted.interval, cloudwatch.exports());
        opened.deliveries.push(Box::new(cloudwatch.delivery()));
    }
    #[cfg(feature = "emf")]
    if wanted.metrics.contains(&MetricExporter::Emf) {
        let exporter = read()?.emf_exporter(std::io::stdout());
        let exports = exporter.exports().clone();
        opened.push_metrics(exporter, wanted.interval, &exports);
    }
    Ok(())
}
