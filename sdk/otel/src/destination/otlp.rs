//! To a collector, over OTLP.

use cachescope_otlp::{HistogramAggregation, Otlp};

use super::{Destinations, Wanted};
use crate::{Error, MetricExporter, RollUp, TraceExporter};

pub(super) fn open(wanted: &Wanted<'_>, opened: &mut Destinations) -> Result<(), Error> {
    let Wanted { environment, traces, metrics, interval, .. } = *wanted;
    let (traces, metrics) = (traces.contains(&TraceExporter::Otlp), metrics.contains(&MetricExporter::Otlp));
    if !traces && !metrics {
        return Ok(());
    }
    let otlp = Otlp::from_lookup(&|name| environment.get(name)).map_err(Error::otlp)?;
    if traces {
        let batches = environment.batches()?;
        let queue = otlp.span_queue(batches.config, batches.places).map_err(Error::otlp)?;
        opened.to_tracers.push(Box::new(|tracers| tracers.with_span_processor(RollUp::new(queue))));
        opened.exports.push(otlp.span_exports().clone());
    }
    if metrics {
        let exporter = otlp.metric_exporter().map_err(Error::otlp)?;
        opened.push_metrics(exporter, interval, otlp.metric_exports());
        opened.exponential = otlp.default_histogram_aggregation() == HistogramAggregation::Base2Exponential;
    }
    opened.deliveries.push(Box::new(otlp.delivery()));
    Ok(())
}
