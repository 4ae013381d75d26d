//! For programs that set up the SDK themselves: what their own builders need for cachescope.

use opentelemetry_sdk::metrics::MeterProviderBuilder;

use crate::{CACHES, cardinality_view};

/// Makes room for the metrics of [`CACHES`] caches in a meter provider of your own; nothing global is touched.
///
/// It is all that a set-up of one's own needs: exporters, resource and sampler stay as they are. For another number of
/// caches, or with views of your own that match instruments of cachescope, add [`cardinality_view`] yourself. To be had
/// besides: [`CacheSampler`](crate::CacheSampler) and [`RollUp`](crate::RollUp) for the tracer provider,
/// [`Setup::resource`](crate::Setup::resource), and [`Setup::metric_reader`](crate::Setup::metric_reader) the other way
/// round.
///
/// ```
/// use cachescope_otel::{CacheSampler, Setup};
/// use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
/// use opentelemetry_sdk::trace::SdkTracerProvider;
///
/// let mine = InMemoryMetricExporter::default(); // or whatever exports your metrics
/// let resource = Setup::from_env().service_name("shop").resource()?;
/// let meters = SdkMeterProvider::builder()
///     .with_resource(resource.clone())
///     .with_reader(PeriodicReader::builder(mine).build());
/// let meters = cachescope_otel::join(meters).build();
/// let tracers = SdkTracerProvider::builder()
///     .with_resource(resource)
///     .with_sampler(CacheSampler::new(&"hit=0.01".parse()?)?)
///     .build();
/// // As the global providers, or for one cache: `cached(…).telemetry(Telemetry::new(meters, tracers))`.
/// # drop((meters, tracers));
/// # Ok::<(), cachescope_otel::Error>(())
/// ```
#[must_use = "the builder is yours to build"]
pub fn join(meters: MeterProviderBuilder) -> MeterProviderBuilder {
    meters.with_view(cardinality_view(CACHES))
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};

    use super::*;

    #[test]
    fn a_provider_of_ones_own_has_room_for_more_sets_than_the_sdk_gives() {
        // The SDK's own limit is 2000.
        let exporter = InMemoryMetricExporter::default();
        let provider = join(SdkMeterProvider::builder().with_periodic_exporter(exporter.clone())).build();
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
