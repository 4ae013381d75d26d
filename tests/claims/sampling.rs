//! Sampling rates by result: spans are kept at the configured rates, and carry the number of spans that they represent.

use std::collections::{BTreeMap, HashMap};
use std::future::IntoFuture;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cachescope::metrics::{LoadTrigger, RequestResult};
use cachescope::otel::CacheSampler;
use cachescope::{Cached, Clock, ManualClock, Moka, cached, try_cached};
use cachescope_tests::sdk::{InMemory, attributes};
use cachescope_tests::setup::{in_a_trace, setup, telemetry};
use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry_sdk::trace::{
    IdGenerator, InMemorySpanExporter, SdkTracer, SdkTracerProvider, SimpleSpanProcessor, SpanData,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The standard deviations by which a count may be off: chance exceeds them once in 10^10.
const SIGMAS: f64 = 6.5;

/// Generates the same ids in every run, so that the test is deterministic.
#[derive(Debug)]
struct Seeded(Mutex<StdRng>);

impl Seeded {
    fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl IdGenerator for Seeded {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(self.0.lock().unwrap_or_else(PoisonError::into_inner).random::<u128>())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.0.lock().unwrap_or_else(PoisonError::into_inner).random::<u64>())
    }
}

/// An SDK with a sampler.
struct Sampled {
    sdk: InMemory,
    spans: InMemorySpanExporter,
}

impl Sampled {
    fn by(rules: &str, seed: u64) -> anyhow::Result<Self> {
        let spans = InMemorySpanExporter::default();
        let traces = SdkTracerProvider::builder()
            .with_sampler(CacheSampler::new(&rules.parse()?)?)
            .with_id_generator(Seeded::new(seed))
            .with_simple_exporter(spans.clone())
            .build();
        let mut sdk = InMemory::default();
        sdk.traces = traces;
        Ok(Self { sdk, spans })
    }

    fn tracer(&self) -> SdkTracer {
        self.sdk.traces.tracer("app")
    }

    fn kept(&self) -> anyhow::Result<Kept> {
        Ok(Kept(self.spans.get_finished_spans()?))
    }

    /// The requests in the metrics, by result.
    fn counted(&self) -> anyhow::Result<BTreeMap<String, f64>> {
        let mut counted = BTreeMap::new();
        for mut point in self.sdk.points()?.into_iter().filter(|point| point.metric == "cachescope.requests") {
            let result = point.attributes.remove("cachescope.result").unwrap_or_default();
            *counted.entry(result).or_default() += point.value;
        }
        counted.retain(|_, count| *count > 0.0);
        Ok(counted)
    }
}

/// Runs the tasks of a current-thread runtime until `what` returns `true`.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if what() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the condition never became true");
}

/// The spans that were exported.
struct Kept(Vec<SpanData>);

impl Kept {
    /// The spans of a kind, `cache.get` or `cache.load`, with this value of an attribute.
    fn of<'a>(&'a self, kind: &'a str, attribute: &'a str, value: &'a str) -> impl Iterator<Item = &'a SpanData> {
        self.0.iter().filter(move |span| {
            let is_so = attributes(span.attributes.iter()).get(attribute).is_some_and(|found| found == value);
            span.name.starts_with(kind) && is_so
        })
    }
}

/// The number of spans that a span represents, read from tracestate by the specification.
fn adjusted_count(span: &SpanData) -> Option<f64> {
    let entry = span.span_context.trace_state().get("ot")?;
    let threshold = entry.split(';').find_map(|member| member.strip_prefix("th:"))?;
    let rejected = u64::from_str_radix(&format!("{threshold:0<14}"), 16).ok()?;
    let all = 2_f64.powi(56);
    Some(all / (all - rejected as f64))
}

/// Checks that each of `count` independent spans was kept at `rate` and carries that rate, and that together the kept
/// spans represent all.
fn assert_kept<'a>(what: &str, spans: impl Iterator<Item = &'a SpanData>, count: u64, rate: f64) {
    let counts: Vec<f64> = spans.map(|span| adjusted_count(span).unwrap_or(f64::NAN)).collect();
    let (count, kept) = (count as f64, counts.len() as f64);
    assert!(counts.iter().all(|each| (each * rate - 1.0).abs() < 1e-3), "{what}: at {rate}, {counts:?}");
    let sigma = (count * rate * (1.0 - rate)).sqrt();
    assert!((kept - count * rate).abs() <= SIGMAS * sigma, "{what}: {kept} of {count} at {rate}, sigma {sigma}");
    // The deviation of the estimate, and the error from rounding the rate to four digits.
    let (sum, slack) = (counts.iter().sum::<f64>(), SIGMAS * sigma / rate + 1e-3 * count);
    assert!((sum - count).abs() <= slack, "{what}: {sum} instead of {count}, give or take {slack}");
}

const ROUNDS: u64 = 2_000;
const HITS_A_ROUND: u64 = 8;
const OTHERS_A_ROUND: u64 = 6;

/// Makes two misses, some hits and one request of each other result in every round, each in its own trace.
async fn work(cache: &Cached<u64, u64>, hands: &ManualClock, tracer: &SdkTracer) {
    for round in 0..ROUNDS {
        let (key, other, never) = (3 * round, 3 * round + 1, 3 * round + 2);
        in_a_trace(tracer, cache.call(key)).await;
        for _ in 0..HITS_A_ROUND {
            in_a_trace(tracer, cache.call(key)).await;
        }
        tokio::join!(in_a_trace(tracer, cache.call(other)), in_a_trace(tracer, cache.call(other)));
        in_a_trace(tracer, cache.request(key).bypass().into_future()).await;
        in_a_trace(tracer, cache.request(never).only_if_cached().into_future()).await;
        hands.advance(Duration::from_secs(12));
        in_a_trace(tracer, cache.call(key)).await;
        until(|| cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count() == round + 1).await;
    }
}

#[tokio::test]
async fn spans_are_kept_at_the_rate_of_their_result_and_represent_the_rest() -> anyhow::Result<()> {
    let rules = "hit=0.05,stale=0.5,miss=0.25,coalesced=0.1,bypass=0.2,absent=0.3,refresh=0.125";
    let sampled = Sampled::by(rules, 1)?;
    let (clock, hands) = Clock::manual();
    let load = |n: u64| async move {
        tokio::task::yield_now().await;
        n
    };
    let cache: Cached<u64, u64> = cached("sampling.results", load)
        .stale_after(Duration::from_secs(10))
        .serve_stale_for(Duration::from_secs(5))
        .store(Moka::with_capacity(100_000))
        .clock(clock)
        .telemetry(sampled.sdk.telemetry())
        .build();
    work(&cache, &hands, &sampled.tracer()).await;

    let truth = [
        (RequestResult::Hit, HITS_A_ROUND * ROUNDS, 0.05),
        (RequestResult::Stale, ROUNDS, 0.5),
        (RequestResult::Miss, 2 * ROUNDS, 0.25),
        (RequestResult::Coalesced, ROUNDS, 0.1),
        // Its span starts before the result is known: it is kept at the highest rate of the possible results.
        (RequestResult::Bypass, ROUNDS, 0.5),
        (RequestResult::Absent, ROUNDS, 0.3),
    ];
    let counted: BTreeMap<String, f64> =
        truth.iter().map(|(result, count, _)| (result.as_str().to_owned(), *count as f64)).collect();
    assert_eq!(sampled.counted()?, counted, "metrics count every request");

    let kept = sampled.kept()?;
    for (result, count, rate) in truth {
        let spans = kept.of("cache.get", "cachescope.result", result.as_str());
        assert_kept(result.as_str(), spans, count, rate);
    }
    for (trigger, count, rate) in [("miss", 2 * ROUNDS, 0.25), ("bypass", ROUNDS, 0.2), ("refresh", ROUNDS, 0.125)] {
        assert_kept(trigger, kept.of("cache.load", "cachescope.load.trigger", trigger), count, rate);
    }
    let roots = kept.0.iter().filter(|span| span.name == "request");
    assert_kept("spans of the program", roots, (HITS_A_ROUND + OTHERS_A_ROUND) * ROUNDS, 1.0);
    Ok(())
}

#[tokio::test]
async fn spans_of_errors_and_long_waits_are_always_kept() -> anyhow::Result<()> {
    const PAIRS: u64 = 4_000;
    const LIMIT: Duration = Duration::from_millis(10);
    let sampled = Sampled::by("coalesced=0.05,miss=0.05,error=1,slow>10ms=1", 2)?;
    let (clock, hands) = Clock::manual();
    let load = move |n: u64| {
        let hands = hands.clone();
        async move {
            tokio::task::yield_now().await;
            hands.advance(if n.is_multiple_of(10) { 2 * LIMIT } else { LIMIT });
            if n % 10 == 1 { Err(std::fmt::Error) } else { Ok(n) }
        }
    };
    let cache = try_cached("sampling.reasons", load)
        .store(Moka::with_capacity(100_000))
        .clock(clock)
        .telemetry(sampled.sdk.telemetry())
        .build();
    let tracer = sampled.tracer();
    for n in 0..PAIRS {
        let (one, other) = tokio::join!(in_a_trace(&tracer, cache.try_call(n)), in_a_trace(&tracer, cache.try_call(n)));
        assert_eq!((one.is_err(), other.is_err()), (n % 10 == 1, n % 10 == 1));
    }
    let counted = sampled.counted()?;
    let truth = [("coalesced".to_owned(), PAIRS as f64), ("miss".to_owned(), PAIRS as f64)];
    assert_eq!(counted, BTreeMap::from(truth));

    let kept = sampled.kept()?;
    let failed = |span: &SpanData| attributes(span.attributes.iter()).contains_key("error.type");
    let long = |span: &SpanData| span.end_time.duration_since(span.start_time).is_ok_and(|took| took > LIMIT);
    let waits = || kept.of("cache.get", "cachescope.result", "coalesced");
    assert_kept("failed", waits().filter(|span| failed(span)), PAIRS / 10, 1.0);
    assert_kept("long", waits().filter(|span| long(span)), PAIRS / 10, 1.0);
    assert_kept("neither", waits().filter(|span| !failed(span) && !long(span)), PAIRS / 10 * 8, 0.05);
    // The span of a load starts before it fails or takes long, so it is kept.
    assert_kept("misses", kept.of("cache.get", "cachescope.result", "miss"), PAIRS, 1.0);
    Ok(())
}

#[tokio::test]
async fn rates_are_of_all_traces_and_kept_spans_have_their_parents_under_a_ratio_sampler() -> anyhow::Result<()> {
    const TRACES: u64 = 20_000;
    const HITS: usize = 3;
    let spans = InMemorySpanExporter::default();
    let variables = [
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("CACHESCOPE_TRACES_SAMPLER_RULES", "hit=0.05,miss=0.5"),
    ];
    let setup = setup(&variables).trace_exporters([]).metric_exporters([]);
    let guard = setup.span_processor(SimpleSpanProcessor::new(spans.clone())).init()?;
    let cache = cached("sampling.nested", |n: u64| async move { n })
        .store(Moka::with_capacity(100_000))
        .telemetry(telemetry(&guard))
        .build();
    let tracer = guard.tracer_provider().tracer("app");
    for n in 0..TRACES {
        in_a_trace(&tracer, async {
            for _ in 0..=HITS {
                cache.call(n).await;
            }
        })
        .await;
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.hits()), (TRACES, TRACES * HITS as u64));

    let kept = Kept(spans.get_finished_spans()?);
    let roots: HashMap<SpanId, &SpanData> =
        kept.0.iter().filter(|span| span.name == "request").map(|span| (span.span_context.span_id(), span)).collect();
    assert_kept("roots", roots.values().copied(), TRACES, 0.25);
    // The rule keeps a half of all traces, but the parents' sampler only a quarter.
    assert_kept("misses", kept.of("cache.get", "cachescope.result", "miss"), TRACES, 0.25);
    let mut hits: HashMap<SpanId, Vec<&SpanData>> = HashMap::new();
    for hit in kept.of("cache.get", "cachescope.result", "hit") {
        hits.entry(hit.parent_span_id).or_default().push(hit);
    }
    assert_kept("traces with hits", hits.values().map(|of_one| of_one[0]), TRACES, 0.05);
    for (parent, of_one) in &hits {
        assert_eq!(of_one.len(), HITS, "a trace shows all of its hits, or none");
        assert!(roots.contains_key(parent), "a span without its parent");
    }
    Ok(())
}
