//! To standard output, for eyes.

use cachescope_console::Console;
use opentelemetry_sdk::trace::BatchSpanProcessor;

use super::{Destinations, Wanted};
use crate::{Error, MetricExporter, RollUp, TraceExporter};

pub(super) fn open(wanted: &Wanted<'_>, opened: &mut Destinations) -> Result<(), Error> {
    let traces = wanted.traces.contains(&TraceExporter::Console);
    let metrics = wanted.metrics.contains(&MetricExporter::Console);
    if !traces && !metrics {
        return Ok(());
    }
    let console = Console::from_lookup(&|name| wanted.environment.get(name)).map_err(Error::console)?;
    if traces {
        let (exporter, batches) = (console.span_exporter(), wanted.environment.batches()?);
        opened.to_tracers.push(Box::new(|tracers| {
            let config = batches.config.build();
            let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
            tracers.with_span_processor(RollUp::new(processor))
        }));
        opened.exports.push(console.span_exports().clone());
    }
    if metrics {
        opened.push_metrics(console.metric_exporter(), wanted.interval, console.metric_exports());
    }
    Ok(())
}
