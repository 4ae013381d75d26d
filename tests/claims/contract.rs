//! The telemetry contract, the names in code and the exports of a real run agree.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use cachescope::metrics::{
    EvictionReason, LoadTrigger, MissReason, Operation, Persistence, RejectionReason, RequestResult, StaleEvent, Tier,
    WaitOutcome, WaitScope, names,
};
use cachescope::{Clock, Moka, Shared, Tiered, try_cached};
use cachescope_testing::InMemory as InMemoryStore;
use cachescope_tests::contract::{Attributes, Contract};
use cachescope_tests::sdk::{InMemory, attributes};
use cachescope_tests::workload::Refused;
use futures_util::FutureExt;

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn names_in_code_are_those_of_the_contract() {
    let contract = Contract::read().unwrap();
    let mut in_code = BTreeMap::new();
    for metric in names::metrics::ALL {
        let instrument = format!("{:?}", metric.instrument).to_lowercase();
        in_code.insert(metric.name.to_owned(), (instrument, metric.unit.to_owned(), metric.brief.to_owned()));
    }
    let in_files: BTreeMap<_, _> =
        contract.metrics.into_iter().map(|(name, m)| (name, (m.instrument, m.unit, m.brief))).collect();
    assert_eq!(in_code, in_files);
    assert_eq!(set(names::attributes::ALL), contract.attributes.into_keys().collect());
    assert_eq!(set(names::spans::ALL), contract.spans.into_keys().collect());
}

#[test]
fn values_in_code_are_those_of_the_contract() {
    let contract = Contract::read().unwrap();
    let listed = |name: &str| contract.attributes[name].clone().unwrap();
    assert_eq!(set(RequestResult::ALL.map(RequestResult::as_str)), listed(names::attributes::RESULT));
    assert_eq!(set(MissReason::ALL.map(MissReason::as_str)), listed(names::attributes::MISS_REASON));
    assert_eq!(set(LoadTrigger::ALL.map(LoadTrigger::as_str)), listed(names::attributes::LOAD_TRIGGER));
    assert_eq!(set(WaitOutcome::ALL.map(WaitOutcome::as_str)), listed(names::attributes::WAIT_OUTCOME));
    assert_eq!(set(Operation::ALL.map(Operation::as_str)), listed(names::attributes::OPERATION));
    assert_eq!(set(EvictionReason::ALL.map(EvictionReason::as_str)), listed(names::attributes::EVICTION_REASON));
    assert_eq!(set(RejectionReason::ALL.map(RejectionReason::as_str)), listed(names::attributes::REJECTION_REASON));
    assert_eq!(set(StaleEvent::ALL.map(StaleEvent::as_str)), listed(names::attributes::STALE_EVENT));
    assert_eq!(set(WaitScope::ALL.map(WaitScope::as_str)), listed(names::attributes::WAIT_SCOPE));
    assert_eq!(set(Tier::ALL.map(Tier::as_str)), listed(names::attributes::TIER));
}

/// Makes requests that take every path once.
fn take_every_path(sdk: &InMemory) -> anyhow::Result<impl Sized + use<>> {
    let (clock, hands) = Clock::manual();
    let load = |key: u64| async move {
        tokio::task::yield_now().await;
        assert!(key != 13, "on purpose");
        if key == 9 { Err(Refused) } else { Ok(key) }
    };
    // A request within a load: the first span of its trace summarises it.
    let below = cachescope::cached("contract.below", |key: u64| async move { key }).telemetry(sdk.telemetry()).build();
    let asks_below = move |key: u64| {
        let below = below.clone();
        async move {
            below.call(key).await;
            load(key).await
        }
    };
    let cache = try_cached("contract", asks_below)
        .stale_after(Duration::from_secs(1))
        .serve_stale_for(Duration::from_secs(1))
        .wait_for_load_timeout(Duration::from_secs(1))
        .entry_size(|_| 8)
        .store(Moka::with_capacity(10))
        .clock(clock.clone())
        .telemetry(sdk.telemetry())
        .build();
    let folder = tempfile::tempdir()?;
    let persistence = Persistence::in_file(folder.path().join("contract.metrics")).export_restored();
    let in_bytes = try_cached("contract.in_bytes", load)
        .store(Moka::with_byte_limit(1_000, |_, _| 8))
        .load_concurrency(1)
        .tags(|key, _| [if key % 2 == 1 { "odd" } else { "even" }])
        .export_tags(10)
        .persist_metrics(persistence)
        .telemetry(sdk.telemetry())
        .build();
    let shared_store = InMemoryStore::new(clock.clone());
    let over_shared = || {
        let store = Tiered::new(Moka::with_capacity(10), Shared::new(shared_store.clone()));
        try_cached("contract.shared", load).store(store).clock(clock.clone()).telemetry(sdk.telemetry()).build()
    };
    let processes = (over_shared(), over_shared());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        // One cache loads; the other waits for the end of the lease, and finds the value in the shared store.
        let (mut leads, mut waits) = (pin!(processes.0.try_call(1)), pin!(processes.1.try_call(1)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(leads.poll_unpin(&mut context).is_pending() && waits.poll_unpin(&mut context).is_pending());
        assert_eq!(leads.await, Ok(1));
        hands.advance(Duration::from_millis(2));
        assert_eq!((waits.await, processes.0.try_call(2).await), (Ok(1), Ok(2)));
        assert_eq!((processes.1.try_call(2).await, processes.1.try_call(2).await), (Ok(2), Ok(2)));
        processes.1.invalidate(&2);
        processes.1.clear();
        processes.1.flush().await?;
        let (one, other) = tokio::join!(in_bytes.try_call(1), in_bytes.try_call(2));
        assert_eq!((one, other), (Ok(1), Ok(2)), "one queues for the other's place");
        assert_eq!((in_bytes.invalidate_tag("odd"), in_bytes.get_if_present(&1)), (1, None));
        cache.try_call(1).await?;
        cache.try_call(1).await?;
        hands.advance(Duration::from_secs(2));
        cache.try_call(1).await?;
        hands.advance(Duration::from_millis(1_500));
        cache.try_call(1).await?;
        while cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count() == 0 {
            tokio::task::yield_now().await;
        }
        cache.invalidate(&1);
        cache.try_request(1).bypass().await?;
        let (one, other) = tokio::join!(cache.try_call(9), cache.try_call(9));
        assert!(one.is_err() && other.is_err());
        let mut follower = pin!(cache.try_call(2));
        {
            let mut leader = pin!(cache.try_call(2));
            let mut context = Context::from_waker(Waker::noop());
            assert!(leader.poll_unpin(&mut context).is_pending() && follower.poll_unpin(&mut context).is_pending());
            let mut dropped = pin!(cache.try_call(2));
            assert!(dropped.poll_unpin(&mut context).is_pending());
        }
        assert_eq!(follower.await, Ok(2));
        let (mut slow, mut impatient) = (pin!(cache.try_call(3)), pin!(cache.try_call(3)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(slow.poll_unpin(&mut context).is_pending() && impatient.poll_unpin(&mut context).is_pending());
        hands.advance(Duration::from_secs(1));
        assert_eq!(impatient.await, Ok(3));
        let panics = cache.clone();
        assert!(tokio::spawn(async move { panics.try_call(13).await }).await.is_err());
        // More keys than fit, and enough requests for a curve.
        for key in (20..60).cycle().take(400) {
            cache.try_call(key).await?;
        }
        cache.clear();
        anyhow::Ok(())
    })?;
    Ok((cache, in_bytes, processes, folder))
}

/// Checks the attributes of `what` against the contract, and adds them to `seen`.
fn compare(
    contract: &Contract,
    what: &str,
    allowed: &Attributes,
    actual: &BTreeMap<String, String>,
    seen: &mut BTreeSet<(String, String)>,
) {
    for (name, always) in allowed {
        assert!(!always || actual.contains_key(name), "{what} lacks {name}: {actual:?}");
    }
    for (name, value) in actual {
        assert!(allowed.contains_key(name), "{what} has {name}, which the contract doesn't give it");
        if let Some(values) = &contract.attributes[name] {
            assert!(values.contains(value), "{what} has {name}={value}, which the contract doesn't list");
        }
        seen.insert((what.to_owned(), name.clone()));
    }
}

#[test]
fn real_run_exports_exactly_the_telemetry_of_the_contract() {
    let contract = Contract::read().unwrap();
    let sdk = InMemory::default();
    let _caches = take_every_path(&sdk).unwrap();
    let mut seen = BTreeSet::new();

    let points = sdk.points().unwrap();
    for point in &points {
        let metric = contract.metrics.get(&point.metric);
        let metric = metric.unwrap_or_else(|| panic!("{} isn't in the contract", point.metric));
        assert_eq!(point.instrument, metric.instrument, "{}", point.metric);
        assert_eq!((&point.unit, &point.brief), (&metric.unit, &metric.brief), "{}", point.metric);
        compare(&contract, &point.metric, &metric.attributes, &point.attributes, &mut seen);
    }
    for span in sdk.spans().unwrap() {
        let (kind, cache) = span.name.split_once(' ').unwrap();
        assert!(cache.starts_with("contract"), "{}", span.name);
        let allowed = contract.spans.get(kind).unwrap_or_else(|| panic!("{kind} isn't in the contract"));
        let actual = attributes(span.attributes.iter());
        assert_eq!(actual.len(), span.attributes.len(), "{} has an attribute twice: {:?}", span.name, span.attributes);
        compare(&contract, kind, allowed, &actual, &mut seen);
    }

    let promised = contract.metrics.iter().map(|(name, metric)| (name, &metric.attributes)).chain(&contract.spans);
    let promised: BTreeSet<_> = promised
        .flat_map(|(what, attributes)| attributes.keys().map(move |name| (what.clone(), name.clone())))
        .collect();
    assert_eq!(promised.difference(&seen).collect::<Vec<_>>(), Vec::<&(String, String)>::new());

    // Every listed value of a counter's attribute has a series, and of a histogram each value of this run.
    for (name, values) in contract.attributes.iter().filter_map(|(name, values)| Some((name, values.as_ref()?))) {
        let exported: BTreeSet<_> = points.iter().filter_map(|point| point.attributes.get(name).cloned()).collect();
        assert_eq!(&exported, values, "{name}");
    }
}

#[test]
fn histograms_have_buckets_from_microseconds_to_ten_seconds_and_64_mib() {
    let sdk = InMemory::default();
    let _caches = take_every_path(&sdk).unwrap();
    for (name, metric) in Contract::read().unwrap().metrics.iter().filter(|(_, m)| m.instrument == "histogram") {
        // From a microsecond to ten seconds, from 64 B to 64 MiB.
        let (first, last, step) = match metric.unit.as_str() {
            "s" => (1e-6, 10.0, 2.51),
            "By" => (64.0, 64.0 * 1_024.0 * 1_024.0, 4.0),
            unit => panic!("{name} is in {unit}"),
        };
        let boundaries = sdk.boundaries(name).unwrap();
        assert_eq!((boundaries.first(), boundaries.last()), (Some(&first), Some(&last)), "{name}");
        assert!(boundaries.windows(2).all(|pair| pair[1] / pair[0] <= step), "{name}: {boundaries:?}");
    }
}

#[test]
fn counters_have_all_series_at_zero_from_the_start() {
    let sdk = InMemory::default();
    let cache =
        try_cached("contract.zero", |_: u64| async { Err::<u64, _>(Refused) }).telemetry(sdk.telemetry()).build();
    let points = sdk.points().unwrap();
    let series = |metric: &str| points.iter().filter(|point| point.metric == metric).count();
    assert_eq!((series("cachescope.requests"), series("cachescope.evictions")), (26, 4));
    assert_eq!(series("cachescope.requests.restored"), 0, "nobody asked for it");
    for level in [
        "saved.time",
        "load.active",
        "wait.active",
        "wait.longest",
        "entry.count",
        "entry.limit",
        "hit.timing.interval",
    ] {
        assert_eq!(series(&format!("cachescope.{level}")), 1, "{level}");
    }
    assert!(points.iter().all(|point| point.value == 0.0 || point.metric == "cachescope.entry.limit"));
    drop(cache);
}

#[test]
fn caches_of_the_same_name_add_up_and_counters_never_fall() {
    let sdk = InMemory::default();
    let telemetry = sdk.telemetry();
    let build = || cachescope::cached("contract.twins", |n: u64| async move { n }).telemetry(telemetry.clone()).build();
    let counted = || {
        let points = sdk.points().unwrap();
        let total = |metric: &str| -> f64 { points.iter().filter(|p| p.metric == metric).map(|p| p.value).sum() };
        (total("cachescope.requests"), total("cachescope.entry.count"))
    };
    let (one, other) = (build(), build());
    for key in 0..10 {
        one.call(key).now_or_never().unwrap();
        other.call(key).now_or_never().unwrap();
        other.call(key).now_or_never().unwrap();
    }
    assert_eq!(counted(), (30.0, 20.0));
    drop(other);
    assert_eq!(counted(), (30.0, 10.0));
    let third = build();
    third.call(1).now_or_never().unwrap();
    assert_eq!(counted(), (31.0, 11.0));

    // A fallible cache of the same name has its own series for errors, and shares all others.
    let load = |n: u64| async move { if n == 1 { Err(Refused) } else { Ok(n) } };
    let fallible = try_cached("contract.twins", load).telemetry(telemetry.clone()).build();
    fallible.try_call(1).now_or_never().unwrap().unwrap_err();
    fallible.try_call(2).now_or_never().unwrap().unwrap();
    assert_eq!(counted(), (33.0, 12.0));
}

#[test]
fn label_is_on_all_telemetry_and_separates_caches_of_the_same_name() {
    let sdk = InMemory::default();
    let telemetry = sdk.telemetry();
    let build = |team: &str| {
        let builder = cachescope::cached("contract.labelled", |n: u64| async move { n });
        builder.label("team", team).telemetry(telemetry.clone()).build()
    };
    let (search, sales) = (build("search"), build("sales"));
    assert_eq!((search.call(1).now_or_never(), sales.call(1).now_or_never()), (Some(1), Some(1)));
    sales.call(2).now_or_never().unwrap();
    let points = sdk.points().unwrap();
    assert!(points.iter().all(|point| point.attributes.contains_key("team")), "{points:?}");
    let requests_of = |team: &str| -> f64 {
        let requests = points.iter().filter(|point| point.metric == "cachescope.requests");
        requests.filter(|point| point.attributes["team"] == team).map(|point| point.value).sum()
    };
    assert_eq!((requests_of("search"), requests_of("sales")), (1.0, 2.0));
    let spans = sdk.spans().unwrap();
    assert!(!spans.is_empty());
    assert!(spans.iter().all(|span| attributes(span.attributes.iter()).contains_key("team")));
}

#[test]
fn tags_are_not_exported_by_default() {
    let sdk = InMemory::default();
    let builder = cachescope::cached("contract.tags", |n: u64| async move { n }).tags(|key, _| [key.to_string()]);
    let cache = builder.telemetry(sdk.telemetry()).build();
    cache.insert(4_711, 1);
    assert_eq!(cache.invalidate_tag("4711"), 1);
    assert!(sdk.points().unwrap().iter().all(|point| !point.attributes.contains_key(names::attributes::TAG)));
}
