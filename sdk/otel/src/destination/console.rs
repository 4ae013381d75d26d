//! Standard output, for people.

use cachescope_console::Console;
use opentelemetry_sdk::trace::BatchSpanProcessor;

use super::{Destinations, Selection};
use crate::{Error, MetricExporter, TraceExporter, TraceSummaryProcessor};

pub(super) fn open(selection: &Selection<'_>, opened: &mut Destinations) -> Result<(), Error> {
    let traces = selection.traces.contains(&TraceExporter::Console);
    let metrics = selection.metrics.contains(&MetricExporter::Console);
    if !traces && !metrics {
        return Ok(());
    }
    let console = Console::from_lookup(&|name| selection.environment.get(name)).map_err(Error::console)?;
    if traces {
        let (exporter, batch_settings) = (console.span_exporter(), selection.environment.batch_settings()?);
        opened.to_tracers.push(Box::new(|tracers| {
            let config = batch_settings.config.build();
            let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
            tracers.with_span_processor(TraceSummaryProcessor::new(processor))
        }));
        opened.stats.push(console.span_stats().clone());
    }
    if metrics {
        opened.push_metrics(console.metric_exporter(), selection.interval, console.metric_stats());
    }
    Ok(())
}
