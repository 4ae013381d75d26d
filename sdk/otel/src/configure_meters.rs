//! Configuration of a meter provider that the program builds itself.

use opentelemetry_sdk::metrics::MeterProviderBuilder;

use crate::{DEFAULT_MAX_CACHES, cardinality_view};

/// Configures your own meter provider for the metrics of [`DEFAULT_MAX_CACHES`] caches. Changes nothing global.
///
/// Your own setup needs nothing else: exporters, resource and sampler stay as they are. Add [`cardinality_view`]
/// yourself for another number of caches, or if you have views that match instruments of cachescope.
///
/// Also available: [`CacheSampler`](crate::CacheSampler) and [`TraceSummaryProcessor`](crate::TraceSummaryProcessor)
/// for the tracer provider, and [`Setup::resource`](crate::Setup::resource) for the resource.
/// [`Setup::metric_reader`](crate::Setup::metric_reader) adds your reader to the providers of this crate instead.
///
/// ```
/// use cachescope_otel::{CacheSampler, Setup};
/// use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
///
/// let exporter = InMemoryMetricExporter::default(); // your exporter
/// let resource = Setup::from_env().service_name("shop").resource()?;
/// let meters = SdkMeterProvider::builder()
///     .with_resource(resource.clone())
///     .with_reader(PeriodicReader::builder(exporter).build());
/// let meters = cachescope_otel::configure_meters(meters).build();
/// let tracers = SdkTracerProvider::builder()
///     .with_resource(resource)
///     .with_sampler(CacheSampler::new(&"hit=0.01".parse()?)?)
///     .build();
/// // Install them as the global providers, or pass them to one cache:
/// // `cached(…).telemetry(Telemetry::new(meters, tracers))`.
/// # drop((meters, tracers));
/// # Ok::<(), cachescope_otel::Error>(())
/// ```
#[must_use = "the provider isn't built yet: call `build` on the returned builder"]
pub fn configure_meters(meters: MeterProviderBuilder) -> MeterProviderBuilder {
    meters.with_view(cardinality_view(DEFAULT_MAX_CACHES))
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};

    use super::*;

    #[test]
    fn configured_provider_keeps_more_attribute_sets_than_the_sdk_default() {
        // The SDK's own limit is 2000.
        let exporter = InMemoryMetricExporter::default();
        let provider = configure_meters(SdkMeterProvider::builder().with_periodic_exporter(exporter.clone())).build();
        let counter = provider.meter("cachescope").u64_counter("cachescope.requests").build();
        for set in 0..3_000 {
            counter.add(1, &[KeyValue::new("set", set)]);
        }
        provider.force_flush().unwrap();
        let exported = exporter.get_finished_metrics().unwrap();
        let metric = exported[0].scope_metrics().next().unwrap().metrics().next().unwrap();
        let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() else { panic!("{metric:?}") };
        assert_eq!(sum.data_points().count(), 3_000);
    }
}
