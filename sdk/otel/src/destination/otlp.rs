//! A collector, over OTLP.

use cachescope_otlp::{HistogramAggregation, Otlp};

use super::{Destinations, Selection};
use crate::{Error, MetricExporter, TraceExporter, TraceSummaryProcessor};

pub(super) fn open(selection: &Selection<'_>, opened: &mut Destinations) -> Result<(), Error> {
    let Selection { environment, traces, metrics, interval, .. } = *selection;
    let (traces, metrics) = (traces.contains(&TraceExporter::Otlp), metrics.contains(&MetricExporter::Otlp));
    if !traces && !metrics {
        return Ok(());
    }
    let otlp = Otlp::from_lookup(&|name| environment.get(name)).map_err(Error::otlp)?;
    if traces {
        let batch_settings = environment.batch_settings()?;
        let queue = otlp.span_queue(batch_settings.config, batch_settings.queue_size).map_err(Error::otlp)?;
        opened.to_tracers.push(Box::new(|tracers| tracers.with_span_processor(TraceSummaryProcessor::new(queue))));
        opened.stats.push(otlp.span_stats().clone());
    }
    if metrics {
        let exporter = otlp.metric_exporter().map_err(Error::otlp)?;
        opened.push_metrics(exporter, interval, otlp.metric_stats());
        opened.exponential = otlp.default_histogram_aggregation() == HistogramAggregation::Base2Exponential;
    }
    opened.deliveries.push(otlp.delivery());
    Ok(())
}
