//! An endpoint that Prometheus scrapes.

use cachescope_prometheus::{Endpoint, Metrics, Server};

use super::{Destinations, Selection};
use crate::{Error, MetricExporter};

/// The metrics to scrape, and their server unless the program mounts them in its own.
pub(crate) struct PrometheusEndpoint {
    pub(crate) metrics: Metrics,
    pub(crate) server: Option<Server>,
}

pub(super) fn open(selection: &Selection<'_>, opened: &mut Destinations) -> Result<(), Error> {
    if !selection.metrics.contains(&MetricExporter::Prometheus) {
        return Ok(());
    }
    let (reader, metrics) = cachescope_prometheus::exporter().map_err(Error::prometheus)?;
    let server = if selection.serve {
        let endpoint = Endpoint::from_lookup(&|name| selection.environment.get(name)).map_err(Error::prometheus)?;
        Some(metrics.serve_on_thread(endpoint).map_err(Error::prometheus)?)
    } else {
        None
    };
    opened.to_meters.push(Box::new(|meters| meters.with_reader(reader)));
    opened.stats.push(metrics.stats().clone());
    opened.prometheus = Some(PrometheusEndpoint { metrics, server });
    Ok(())
}
