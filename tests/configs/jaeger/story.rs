//! Four requests to a shop, as Jaeger has them. One loads, and one waits for that load. One gets a stale value at once and
//! starts a refresh in the background. One fails.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cachescope::metrics::LoadTrigger;
use cachescope::otel::{Guard, TraceExporter};
use cachescope::redis::{Instrumentation, redis};
use cachescope::{Moka, Redis, Shared, Tiered, try_cached};
use cachescope_harness::{Server, Stack, Trace, eventually};
use cachescope_tests::setup::{setup, telemetry};
use futures_util::poll;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracer;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time of a query.
const QUERY: Duration = Duration::from_millis(30);
const FRESH: Duration = Duration::from_millis(200);
/// The products in the database.
const PRODUCTS: [u64; 2] = [7, 8];
const CACHE: &str = "product.by_id";
const REQUEST: &str = "GET /products/{id}";
const LOAD: &str = "cache.load product.by_id";

/// Makes the requests, and returns Jaeger's answer with the traces of the first three requests, of the refresh, and of
/// the failed request.
pub(crate) fn answer(service: &str) -> Result<Value> {
    let (stack, server) = (Stack::shared()?, Server::redis()?);
    let guard = set_up(&stack, service)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(happens(&guard, &server))?;
    guard.flush()?;
    let sent = guard.exporter_stats().first().context("no exporter")?.total_sent();
    let jaeger = stack.jaeger();
    let search = || jaeger.search(&[("service", service), ("limit", "1500")]);
    let answer = eventually("Jaeger's spans of four requests", PATIENCE, search, |answer| {
        let spans = |traces: Vec<Trace>| traces.iter().map(|trace| trace.spans.len() as u64).sum::<u64>();
        Trace::all(answer).is_ok_and(|traces| spans(traces) == sent)
    })?;
    chosen(answer)
}

fn set_up(stack: &Stack, service: &str) -> Result<Guard> {
    let collector = stack.collector();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.otlp_grpc()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let setup = setup(&variables).service_name(service.to_owned());
    let setup = setup.trace_exporters([TraceExporter::Otlp]).metric_exporters([]);
    Ok(setup.deadline(PATIENCE).init()?)
}

/// The database, whose answers wait for a permit each.
struct Database {
    tracer: SdkTracer,
    asked: Semaphore,
    answers: Semaphore,
}

impl Database {
    async fn query(&self, id: u64) -> io::Result<String> {
        let span = self.tracer.span_builder("SELECT products").with_kind(SpanKind::Client).start(&self.tracer);
        async {
            self.asked.add_permits(1);
            self.answers.acquire().await.map_err(io::Error::other)?.forget();
            tokio::time::sleep(QUERY).await;
            let known = PRODUCTS.contains(&id).then(|| format!("product {id}"));
            known.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset))
        }
        .with_context(Context::current_with_span(span))
        .await
    }
}

async fn request<T>(tracer: &SdkTracer, call: impl Future<Output = T>) -> T {
    let span = tracer.span_builder(REQUEST).with_kind(SpanKind::Server).start(tracer);
    call.with_context(Context::new().with_span(span)).await
}

async fn happens(guard: &Guard, server: &Server) -> Result<()> {
    let tracer = guard.tracer_provider().tracer("shop");
    let (asked, answers) = (Semaphore::new(0), Semaphore::new(1));
    let database = Arc::new(Database { tracer: tracer.clone(), asked, answers });
    let of_loads = database.clone();
    let load = move |id: u64| {
        let database = of_loads.clone();
        async move { database.query(id).await }
    };
    let client = redis::Client::open(server.url())?;
    let instrument = Instrumentation::from_connection_info(client.get_connection_info()).telemetry(telemetry(guard));
    let shared =
        Shared::new(Redis::connect(server.url()).await?.instrument(instrument)).namespace("shop").timeout(PATIENCE);
    let cache = try_cached(CACHE, load)
        .stale_after(FRESH)
        .serve_stale_for(Duration::from_secs(3_600))
        .store(Tiered::new(Moka::with_capacity(1_000), shared))
        .telemetry(telemetry(guard))
        .build();
    let [product, other] = PRODUCTS;
    // Loads the scripts into Redis, which isn't part of the story.
    cache.try_call(other).await?;
    database.asked.acquire().await?.forget();

    let (leads, tracer_of_leader) = (cache.clone(), tracer.clone());
    let leader = tokio::spawn(async move { request(&tracer_of_leader, leads.try_call(product)).await });
    database.asked.acquire().await?.forget();
    let mut follower = pin!(request(&tracer, cache.try_call(product)));
    ensure!(poll!(&mut follower).is_pending(), "nothing to wait for");
    database.answers.add_permits(1);
    ensure!(leader.await?? == follower.await?, "a shared answer was wrong");

    // From now on the entry is stale.
    tokio::time::sleep(FRESH).await;
    database.answers.add_permits(1);
    request(&tracer, cache.try_call(product)).await?;
    let begun = Instant::now();
    while cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count() == 0 {
        ensure!(begun.elapsed() < PATIENCE, "it was never refreshed");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    database.answers.add_permits(1);
    ensure!(request(&tracer, cache.try_call(0)).await.is_err(), "there is no such product");
    cache.flush().await.context("the pending writes")
}

/// The traces of the story in an answer of Jaeger, by their start, without the attributes of the process.
fn chosen(mut answer: Value) -> Result<Value> {
    let mut traces = Vec::new();
    for trace in answer["data"].as_array_mut().context("no traces")? {
        let [parsed] = &Trace::all(&json!({ "data": [trace] }))?[..] else { continue };
        let Some(root) = parsed.spans.first().filter(|span| span.parent_id.is_none()) else { continue };
        if root.name == REQUEST || (root.name == LOAD && root.links().count() > 0) {
            for process in trace["processes"].as_object_mut().context("no processes")?.values_mut() {
                *process = json!({ "serviceName": "shop", "tags": [] });
            }
            traces.push((root.start_us, trace.take()));
        }
    }
    traces.sort_by_key(|(start, _)| *start);
    Ok(json!({ "data": traces.into_iter().map(|(_, trace)| trace).collect::<Vec<_>>() }))
}
