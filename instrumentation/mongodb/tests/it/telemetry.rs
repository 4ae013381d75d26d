//! Telemetry of a client, used directly and by a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cachescope_core::shared::ByteStore;
use cachescope_harness::Server;
use cachescope_mongodb::mongodb::bson::{Document, doc};
use cachescope_mongodb::mongodb::event::EventHandler;
use cachescope_mongodb::mongodb::event::cmap::CmapEvent;
use cachescope_mongodb::mongodb::options::ClientOptions;
use cachescope_mongodb::mongodb::{Client, Collection};
use cachescope_mongodb::{MongoDb, instrument_with};
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};

use crate::in_memory_telemetry::{Attributes, InMemoryTelemetry, attributes};
use crate::server::{eventually, key, options, start};

const DURATION: &str = "db.client.operation.duration";
const COUNT: &str = "db.client.connection.count";
const PENDING: &str = "db.client.connection.pending_requests";
const POOL: &str = "db.client.connection.pool.name";

async fn instrumented(server: &Server, exported: &InMemoryTelemetry, set: impl FnOnce(&mut ClientOptions)) -> Client {
    let mut options = options(server).await;
    set(&mut options);
    instrument_with(&mut options, exported.telemetry());
    Client::with_options(options).unwrap()
}

fn users(client: &Client) -> Collection<Document> {
    client.database("shop").collection("users")
}

fn expected_attributes(server: &Server, more: &[(&str, &str)]) -> Attributes {
    let address = server.address();
    let (host, port) = address.split_once(':').unwrap();
    let all =
        [("db.system.name", "mongodb"), ("db.namespace", "shop"), ("server.address", host), ("server.port", port)];
    all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_recorded_with_name_and_error() {
    let (server, exported) = (start(), InMemoryTelemetry::new());
    let client = instrumented(&server, &exported, |_| {}).await;
    let users = users(&client);
    users.insert_one(doc! { "_id": "secret" }).await.unwrap();
    users.insert_one(doc! { "_id": "secret" }).await.unwrap_err();
    users.find_one(doc! { "_id": "secret" }).await.unwrap();
    users.find_one(doc! { "_id": "secret" }).await.unwrap();
    client.database("shop").run_command(doc! { "noSuchCommand": "secret" }).await.unwrap_err();

    let points = exported.points(DURATION);
    let of = |attributes: &Attributes| points.iter().find(|point| point.0 == *attributes).map(|point| point.1);
    let collection = ("db.collection.name", "users");
    let insert = [collection, ("db.operation.name", "insert")];
    assert_eq!(of(&expected_attributes(&server, &insert)), Some(1.0), "{points:#?}");
    assert_eq!(
        of(&expected_attributes(&server, &[collection, ("db.operation.name", "find")])),
        Some(2.0),
        "{points:#?}"
    );
    let twice = [insert.as_slice(), &[("error.type", "11000"), ("db.response.status_code", "11000")]].concat();
    assert_eq!(of(&expected_attributes(&server, &twice)), Some(1.0), "{points:#?}");
    let unknown = points.iter().find(|point| point.0["db.operation.name"] == "noSuchCommand").unwrap();
    assert_eq!(unknown.0["error.type"], "CommandNotFound");
    assert!(!unknown.0.contains_key("db.collection.name"));
    assert_eq!(points.iter().map(|point| point.1).sum::<f64>(), 5.0, "{points:#?}");

    let spans = exported.spans();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["insert users", "insert users", "find users", "find users", "noSuchCommand shop"]);
    assert!(spans.iter().all(|span| span.span_kind == SpanKind::Client));
    assert_eq!(spans[0].status, Status::Unset);
    assert_eq!(spans[1].status, Status::error(""));
    assert_eq!(attributes(&spans[0].attributes), expected_attributes(&server, &insert));
    assert!(!format!("{spans:?}{points:?}").contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn command_span_is_child_of_caller_and_has_its_duration() {
    let (server, exported) = (start(), InMemoryTelemetry::new());
    let client = instrumented(&server, &exported, |_| {}).await;
    let store = MongoDb::new(client.database("shop").collection("cache"));
    let request = Context::new().with_span(exported.traces.tracer("test").start("request"));
    let before = SystemTime::now();
    let direct = async {
        users(&client).find_one(doc! {}).await.unwrap();
        // The store runs the operation in a separate task.
        store.put(&key(1), b"value", None, None).await.unwrap();
    };
    direct.with_context(request.clone()).await;
    let after = SystemTime::now();
    let spans = exported.spans();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["find users", "buildInfo shop", "hello shop", "update cache"]);
    for span in &spans {
        assert_eq!(span.parent_span_id, request.span().span_context().span_id());
        assert!(before <= span.start_time && span.start_time < span.end_time && span.end_time <= after);
    }
    let spanned: f64 =
        spans.iter().map(|span| span.end_time.duration_since(span.start_time).unwrap().as_secs_f64()).sum();
    let recorded: f64 = exported.points(DURATION).iter().map(|point| point.2).sum();
    assert!((spanned - recorded).abs() < 1e-6, "{spanned} {recorded}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_command_is_recorded_as_cancelled() {
    let (mut server, exported) = (start(), InMemoryTelemetry::new());
    let client = instrumented(&server, &exported, |_| {}).await;
    let users = users(&client);
    users.find_one(doc! {}).await.unwrap();
    server.pause().unwrap();
    tokio::time::timeout(Duration::from_millis(50), users.find_one(doc! {})).await.unwrap_err();
    let cancelled = || exported.value(DURATION, ("error.type", "cancelled"));
    eventually("a command that was cancelled", || async { cancelled().is_some() }).await;
    server.resume().unwrap();
    users.find_one(doc! {}).await.unwrap();
    assert_eq!(cancelled(), Some(1.0));
    assert_eq!(exported.spans().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_metrics_follow_pool_until_shutdown() {
    let (mut server, exported) = (start(), InMemoryTelemetry::new());
    let client = instrumented(&server, &exported, |options| {
        options.max_pool_size = Some(1);
        options.min_pool_size = Some(0);
    })
    .await;
    let users = users(&client);
    for _ in 0..3 {
        users.find_one(doc! {}).await.unwrap();
    }
    let name = server.address();
    let in_state = |state| exported.value(COUNT, ("db.client.connection.state", state));
    // The client returns a connection in a background task.
    eventually("a connection that is back", || async { in_state("idle") == Some(1.0) }).await;
    assert_eq!(in_state("used"), Some(0.0));
    assert_eq!(exported.value("db.client.connection.max", (POOL, &name)), Some(1.0));
    assert_eq!(exported.value("db.client.connection.idle.min", (POOL, &name)), Some(0.0));
    for (metric, count) in [("create_time", 1.0), ("wait_time", 3.0), ("use_time", 3.0)] {
        let points = exported.points(&format!("db.client.connection.{metric}"));
        assert_eq!((points.len(), points[0].1, &points[0].0[POOL]), (1, count, &name), "{metric}");
        assert!(points[0].2 > 0.0, "{metric} takes time");
    }

    server.pause().unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let users = users.clone();
            tokio::spawn(async move { users.find_one(doc! {}).await })
        })
        .collect();
    let pending = || exported.value(PENDING, (POOL, &name));
    eventually("two waits for the connection", || async { pending() == Some(2.0) }).await;
    assert_eq!((in_state("used"), in_state("idle")), (Some(1.0), Some(0.0)));
    // One wait is dropped, which causes no event.
    waiting[2].abort();
    server.resume().unwrap();
    for task in waiting {
        task.await.ok();
    }
    users.find_one(doc! {}).await.unwrap();
    eventually("no wait", || async { pending() == Some(0.0) }).await;
    drop(users);
    client.shutdown().await;
    eventually("no connection", || async { (in_state("used"), in_state("idle")) == (Some(0.0), Some(0.0)) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn existing_event_handlers_still_receive_all_events() {
    let (server, exported) = (start(), InMemoryTelemetry::new());
    let commands = Arc::new(AtomicU64::new(0));
    let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
    let client = instrumented(&server, &exported, |options| {
        let counted = Arc::clone(&commands);
        options.command_event_handler = Some(EventHandler::callback(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        options.cmap_event_handler = Some(sender.into());
    })
    .await;
    users(&client).find_one(doc! {}).await.unwrap();
    assert_eq!(commands.load(Ordering::Relaxed), 2);
    assert!(matches!(receiver.recv().await, Some(CmapEvent::PoolCreated(_))));
    assert_eq!(exported.spans().len(), 1);
}
