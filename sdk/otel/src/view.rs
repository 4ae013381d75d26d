use std::sync::Arc;

use opentelemetry_sdk::metrics::{Aggregation, Instrument, InstrumentKind, MeterProviderBuilder, Stream};

pub(crate) type View = Box<dyn Fn(&Instrument) -> Option<Stream> + Send + Sync>;

/// The number of caches [`init`](crate::init) makes room for.
///
/// Far more than most processes have, because running out is silent: the SDK then adds further attribute sets up
/// under `otel.metric.overflow`, and their caches vanish from the metrics.
pub const CACHES: usize = 100;

/// Attribute sets of one cache in one histogram: results by tier, operations by tier and kind of error.
const SETS_PER_CACHE_IN_HISTOGRAM: usize = 16;

/// Attribute sets of one cache in one counter or gauge: the widest, requests, has every result, the tiers of hits, the
/// reasons of misses, and kinds of errors.
const SETS_PER_CACHE: usize = 32;

/// With the sizes that the specification has for `base2_exponential_bucket_histogram`.
const EXPONENTIAL: Aggregation =
    Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };

/// Beyond this, the tables the SDK allocates up front are gigabytes.
const MOST_CACHES: usize = 100_000;

/// A view that makes room for `caches` caches in the instruments of cachescope, and leaves everything else, bucket
/// boundaries included, as the instruments ask for.
///
/// The SDK allocates the table of an instrument up front, for 2000 attribute sets unless told otherwise: too little
/// for counters from about 62 caches on, and 132 KiB of address space for each histogram of a service with five. This
/// view gives a histogram 16 sets a cache and any other instrument 32:
///
/// | caches | table of a histogram | of another instrument (an observable counter's goes with the first collection) |
/// |---|---|---|
/// | 10 | 8 KiB | 17 KiB |
/// | 100 ([`CACHES`], what `init` uses) | 66 KiB | 132 KiB |
/// | 1,000 | 1 MiB | 2.1 MiB |
/// | 10,000 | 8.3 MiB | 17 MiB |
///
/// These are for each reader (exporter), and address space: memory is touched as sets appear. A number below 1 counts
/// as 1, one above 100,000 as 100,000. Two more kinds of error per cache than there is room for still fit as long as
/// other caches use less than theirs.
///
/// Views add up in the SDK: an instrument that several views match is exported once for each distinct stream. Leave
/// this one out for instruments that a view of yours renames or drops ([`Setup::view`](crate::Setup::view) does that).
///
/// ```
/// use opentelemetry_sdk::metrics::SdkMeterProvider;
///
/// let meters = SdkMeterProvider::builder().with_view(cachescope_otel::cardinality_view(1_000)).build();
/// # let _ = meters;
/// ```
pub fn cardinality_view(caches: usize) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    let caches = caches.clamp(1, MOST_CACHES);
    move |instrument| {
        if !instrument.name().starts_with("cachescope.") {
            return None;
        }
        let sets = match instrument.kind() {
            InstrumentKind::Histogram => SETS_PER_CACHE_IN_HISTOGRAM,
            _ => SETS_PER_CACHE,
        };
        // Setting nothing but the limit is what keeps the instrument's own name, unit and boundaries. The SDK refuses
        // no limit in this range; if it ever did, its default would apply.
        Stream::builder().with_cardinality_limit(caches * sets).build().ok()
    }
}

/// The user's views, and ours for what none of them matches: beside a view that renames or drops an instrument, ours
/// would export it once more under its own name. `exponential` is what histograms become there, anybody's.
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
        let is_ours = !views.iter().any(|view| view(instrument).is_some());
        is_ours.then(|| ours(instrument, caches, exponential)).flatten()
    })
}

fn ours(instrument: &Instrument, caches: usize, exponential: bool) -> Option<Stream> {
    if !exponential || instrument.kind() != InstrumentKind::Histogram {
        return cardinality_view(caches)(instrument);
    }
    let mut stream = Stream::builder().with_aggregation(EXPONENTIAL);
    if instrument.name().starts_with("cachescope.") {
        stream = stream.with_cardinality_limit(caches.clamp(1, MOST_CACHES) * SETS_PER_CACHE_IN_HISTOGRAM);
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
                other => panic!("an instrument this test did not make: {other:?}"),
            })
            .collect()
    }

    #[test]
    fn boundaries_are_the_instrument_s_own_and_every_set_under_the_limit_is_kept() {
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
    fn ten_thousand_caches_fit_when_told_and_the_sdk_s_default_would_not_do() {
        let record = |meter: &opentelemetry::metrics::Meter| {
            let counter = meter.u64_counter("cachescope.requests").build();
            for cache in 0..10_000 {
                counter.add(1, &[KeyValue::new("cachescope.cache.name", cache)]);
            }
        };
        assert_eq!(collected(10_000, record)[0].1.len(), 10_000);
        // 3,200 and the overflow: what is lost when nobody says how many there are.
        assert_eq!(collected(CACHES, record)[0].1.len(), 3_201);
    }

    #[test]
    fn other_instruments_and_extreme_numbers_are_left_alone() {
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
