//! On a page, for Prometheus to fetch.

use cachescope_prometheus::{Endpoint, Metrics, Server};

use super::{Destinations, Wanted};
use crate::{Error, MetricExporter};

/// The page, and its server where it has one of its own.
pub(crate) struct Shown {
    pub(crate) metrics: Metrics,
    pub(crate) server: Option<Server>,
}

pub(super) fn open(wanted: &Wanted<'_>, opened: &mut Destinations) -> Result<(), Error> {
    if !wanted.metrics.contains(&MetricExporter::Prometheus) {
        return Ok(());
    }
    let (reader, metrics) = cachescope_prometheus::exporter().map_err(Error::prometheus)?;
    let server = if wanted.serve {
        let endpoint = Endpoint::from_lookup(&|name| wanted.environment.get(name)).map_err(Error::prometheus)?;
        Some(metrics.serve_on_thread(endpoint).map_err(Error::prometheus)?)
    } else {
        None
    };
    opened.to_meters.push(Box::new(|meters| meters.with_reader(reader)));
    opened.exports.push(metrics.exports().clone());
    opened.page = Some(Shown { metrics, server });
    Ok(())
}
