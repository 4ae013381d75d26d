//! A cache that is built and used before the SDK is set up reports to the SDK afterwards.
//!
//! In a binary of its own: it sets the process's global providers.

use cachescope::cached;
use cachescope_tests::sdk::InMemory;
use futures_util::FutureExt;

#[test]
fn cache_reports_to_an_sdk_that_is_set_up_after_it() {
    let cache = cached("late", |n: u64| async move { n }).build();
    cache.call(1).now_or_never().unwrap();
    cache.call(1).now_or_never().unwrap();

    let sdk = InMemory::default();
    opentelemetry::global::set_meter_provider(sdk.meters.clone());
    opentelemetry::global::set_tracer_provider(sdk.traces.clone());
    cache.call(2).now_or_never().unwrap();

    let points = sdk.points().unwrap();
    let value = |metric: &str, result: &str| {
        let found = points.iter().find(|p| {
            p.metric == metric
                && p.attributes["cachescope.result"] == result
                && p.attributes.get("cachescope.miss.reason").is_none_or(|reason| reason == "cold")
                && !p.attributes.contains_key("error.type")
        });
        found.map(|point| point.value)
    };
    // Counters are cumulative: they include earlier requests. Timings begin with the provider.
    assert_eq!(value("cachescope.requests", "hit"), Some(1.0));
    assert_eq!(value("cachescope.requests", "miss"), Some(2.0));
    assert_eq!(value("cachescope.request.duration", "miss"), Some(1.0));
    let spans: Vec<_> = sdk.spans().unwrap().into_iter().map(|span| span.name).collect();
    assert_eq!(spans, ["cache.load late", "cache.get late"]);

    // Another provider replaces the first one.
    let next = InMemory::default();
    opentelemetry::global::set_meter_provider(next.meters.clone());
    cache.call(3).now_or_never().unwrap();
    let timed = next.points().unwrap().into_iter().find(|point| point.metric == "cachescope.load.duration");
    assert_eq!(timed.map(|point| point.value), Some(1.0));
}
