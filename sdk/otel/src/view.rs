//! Views: cardinality limits for the instruments of cachescope, and the user's views beside them.

use std::sync::Arc;

use opentelemetry_sdk::metrics::{Aggregation, Instrument, InstrumentKind, MeterProviderBuilder, Stream};

pub(crate) type View = Box<dyn Fn(&Instrument) -> Option<Stream> + Send + Sync>;

/// The number of caches that [`init`](crate::init) sizes the SDK's tables for.
///
/// It is far more than most processes have, because the SDK doesn't report a full table: it adds up further attribute
/// sets under `otel.metric.overflow`, and their caches are missing from the metrics.
pub const DEFAULT_MAX_CACHES: usize = 100;

/// The attribute sets of one cache in one histogram: results by tier, operations by tier and kind of error.
const SETS_PER_CACHE_IN_HISTOGRAM: usize = 16;

/// The attribute sets of one cache in one counter or gauge. The widest counts requests: every result, the tiers of
/// hits, the reasons of misses, and the kinds of errors.
const SETS_PER_CACHE: usize = 32;

/// The aggregation `base2_exponential_bucket_histogram` with the specification's sizes.
const EXPONENTIAL: Aggregation =
    Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };

/// The largest number of caches: above it, the tables that the SDK allocates up front take gigabytes.
const MAX_CACHES: usize = 100_000;

/// Returns a view that raises the cardinality limit of cachescope's instruments to fit `caches` caches.
///
/// Everything else stays as the instruments ask for, bucket boundaries included.
///
/// The SDK allocates the table of an instrument up front, by default for 2000 attribute sets. That is too few for the
/// counters of more than about 62 caches, and costs 132 KiB of address space for each histogram of a service with five.
/// This view gives a histogram 16 sets per cache, and any other instrument 32:
///
/// | caches | table of a histogram | of another instrument (an observable counter's goes with the first collection) |
/// |---|---|---|
/// | 10 | 8 KiB | 17 KiB |
/// | 100 ([`DEFAULT_MAX_CACHES`], what `init` uses) | 66 KiB | 132 KiB |
/// | 1,000 | 1 MiB | 2.1 MiB |
/// | 10,000 | 8.3 MiB | 17 MiB |
///
/// The sizes are per reader (exporter), and are address space: memory is touched as sets appear. `caches` is clamped to
/// 1 to 100,000. Two further kinds of error per cache still fit as long as other caches use less than their share.
///
/// The SDK applies every matching view: an instrument is exported once for each distinct stream. So this view must not
/// match instruments that your own view renames or drops. [`Setup::view`](crate::Setup::view) takes care of that.
///
/// ```
/// use opentelemetry_sdk::metrics::SdkMeterProvider;
///
/// let meters = SdkMeterProvider::builder().with_view(cachescope_otel::cardinality_view(1_000)).build();
/// # let _ = meters;
/// ```
pub fn cardinality_view(caches: usize) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    let caches = caches.clamp(1, MAX_CACHES);
    move |instrument| {
        if !instrument.name().starts_with("cachescope.") {
            return None;
        }
        let sets = match instrument.kind() {
            InstrumentKind::Histogram => SETS_PER_CACHE_IN_HISTOGRAM,
            _ => SETS_PER_CACHE,
        };
        // Only the limit is set, so the instrument keeps its name, unit and boundaries. The SDK refuses no limit in
        // this range; if it ever did, its default would apply.
        Stream::builder().with_cardinality_limit(caches * sets).build().ok()
    }
}

/// Adds the user's views, and the default view for instruments that none of them matches.
///
/// Beside a view that renames or drops an instrument, the default view would export the instrument again under its own
/// name. With `exponential`, the default view makes every histogram exponential, including those of other libraries.
pub(crate) fn with_views(
    mut meters: MeterProviderBuilder,
    views: Vec<View>,
    caches: usize,
    exponential: bool,
) -> MeterProviderBuilder {
    let views: Arc<[View]> = views.into();
    for index in 0..views.len() {
        let views = Arc::clone(&views);
        meters = meters.with_view(move |instrument| views[index](instrument));
    }
    meters.with_view(move |instrument| {
        let is_unmatched = !views.iter().any(|view| view(instrument).is_some());
        is_unmatched.then(|| default_view(instrument, caches, exponential)).flatten()
    })
}

fn default_view(instrument: &Instrument, caches: usize, exponential: bool) -> Option<Stream> {
    if !exponential || instrument.kind() != InstrumentKind::Histogram {
        return cardinality_view(caches)(instrument);
    }
    let mut stream = Stream::builder().with_aggregation(EXPONENTIAL);
    if instrument.name().starts_with("cachescope.") {
        stream = stream.with_cardinality_limit(caches.clamp(1, MAX_CACHES) * SETS_PER_CACHE_IN_HISTOGRAM);
    }
    stream.build().ok()
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};

    use super::*;

    fn collected(caches: usize, record: impl Fn(&opentelemetry::metrics::Meter)) -> Vec<(String, Vec<u64>, Vec<f64>)> {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter.clone())
            .with_view(cardinality_view(caches))
            .build();
        record(&provider.meter("cachescope"));
        provider.force_flush().unwrap();
        let exported = exporter.get_finished_metrics().unwrap();
        let metrics = exported.iter().flat_map(|r| r.scope_metrics()).flat_map(|s| s.metrics());
        metrics
            .map(|metric| match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    (metric.name().to_owned(), sum.data_points().map(|p| p.value()).collect(), vec![])
                }
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                    let points: Vec<_> = histogram.data_points().collect();
                    let bounds = points[0].bounds().collect();
                    (metric.name().to_owned(), points.iter().map(|p| p.count()).collect(), bounds)
                }
                other => panic!("unexpected instrument: {other:?}"),
            })
            .collect()
    }

    #[test]
    fn view_keeps_boundaries_and_every_set_below_the_limit() {
        let advised = vec![0.000_001, 0.001, 10.0];
        let metrics = collected(10, |meter| {
            let histogram = meter.f64_histogram("cachescope.request.duration").with_boundaries(advised.clone()).build();
            let counter = meter.u64_counter("cachescope.requests").build();
            for i in 0..10 * 32 {
                counter.add(1, &[KeyValue::new("set", i)]);
            }
            for i in 0..10 * 16 {
                histogram.record(0.5, &[KeyValue::new("set", i)]);
            }
        });
        let [(_, counts, bounds), (_, sums, _)] = &metrics[..] else { panic!("{metrics:?}") };
        assert_eq!(*bounds, advised);
        assert_eq!((counts.len(), sums.len()), (160, 320));
        assert!(counts.iter().chain(sums).all(|value| *value == 1), "sets were added up: {metrics:?}");
    }

    #[test]
    fn ten_thousand_caches_fit_when_the_view_is_sized_for_them() {
        let record = |meter: &opentelemetry::metrics::Meter| {
            let counter = meter.u64_counter("cachescope.requests").build();
            for cache in 0..10_000 {
                counter.add(1, &[KeyValue::new("cachescope.cache.name", cache)]);
            }
        };
        assert_eq!(collected(10_000, record)[0].1.len(), 10_000);
        // 3,200 sets and the overflow: the default size loses the rest.
        assert_eq!(collected(DEFAULT_MAX_CACHES, record)[0].1.len(), 3_201);
    }

    #[test]
    fn view_ignores_other_instruments_and_clamps_extreme_numbers() {
        let foreign = collected(1, |meter| {
            let counter = meter.u64_counter("shop.orders").build();
            for i in 0..100 {
                counter.add(1, &[KeyValue::new("set", i)]);
            }
        });
        assert_eq!(foreign[0].1.len(), 100);
        let least = collected(0, |meter| meter.u64_counter("cachescope.requests").build().add(1, &[]));
        assert_eq!(least[0].1, [1]);
        drop(cardinality_view(usize::MAX));
    }
}
