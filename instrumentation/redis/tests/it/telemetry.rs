//! Telemetry of commands and pools.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, StoreErrorKind};
use cachescope_redis::bb8_redis::{RedisConnectionManager, bb8};
use cachescope_redis::deadpool_redis::{Config, Runtime};
use cachescope_redis::redis::{self, Client, RedisResult};
use cachescope_redis::{ConnectionPool, Instrumentation, Redis};
use cachescope_telemetry::db_client::names::metrics;
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};

use crate::in_memory_telemetry::{InMemoryTelemetry, attributes, attributes_of};
use crate::server::{eventually, key, port, scope, start, start_cluster, token};

const DURATION: &str = metrics::OPERATION_DURATION.name;
const TERM: Duration = Duration::from_secs(60);

#[tokio::test]
async fn commands_and_pipelines_of_connection_are_recorded() {
    let (server, exported) = (start(), InMemoryTelemetry::new());
    let client = Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let instrument =
        Instrumentation::from_connection_info(client.get_connection_info()).telemetry(exported.telemetry());
    let mut connection = instrument.wrap(connection);

    redis::cmd("set").arg("secret").arg("hidden").exec_async(&mut connection).await.unwrap();
    let answer: String = redis::cmd("GET").arg("secret").query_async(&mut connection).await.unwrap();
    assert_eq!(answer, "hidden");
    let wrong: RedisResult<u64> = redis::cmd("LLEN").arg("secret").query_async(&mut connection).await;
    assert_eq!(wrong.unwrap_err().code(), Some("WRONGTYPE"));
    let two: (String, String) =
        redis::pipe().cmd("GET").arg("secret").cmd("GET").arg("secret").query_async(&mut connection).await.unwrap();
    assert_eq!(two.1, "hidden");
    redis::pipe().atomic().set("secret", 1).incr("secret", 1).exec_async(&mut connection).await.unwrap();
    let wrong = redis::pipe().get("secret").llen("secret").exec_async(&mut connection).await;
    let (index, error) = &wrong.unwrap_err().into_server_errors().unwrap()[0];
    assert_eq!((*index, error.code()), (1, "WRONGTYPE"));
    assert!(redis::cmd("BLPOP").arg("none").arg(0).exec_async(&mut connection).now_or_never().is_none());

    let port = port(&server);
    let base = [("db.namespace", "0"), ("db.system.name", "redis"), ("server.address", "127.0.0.1")];
    let point = |operation: &str, more: &[(&str, &str)]| {
        let mut all = attributes_of(base);
        all.extend(attributes_of([("db.operation.name", operation), ("server.port", &port)]));
        all.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        all
    };
    let failed = |code| [("db.response.status_code", code), ("error.type", code)];
    let expected = [
        ("SET", point("SET", &[]), 1),
        ("GET", point("GET", &[]), 1),
        ("LLEN", point("LLEN", &failed("WRONGTYPE")), 1),
        ("PIPELINE GET", point("PIPELINE GET", &[]), 2),
        ("MULTI", point("MULTI", &[]), 2),
        ("PIPELINE", point("PIPELINE", &failed("WRONGTYPE")), 2),
        ("BLPOP", point("BLPOP", &[("error.type", "cancelled")]), 1),
    ];
    let mut points = exported.points(DURATION);
    let spans = exported.spans();
    assert_eq!(spans.len(), expected.len());
    for ((name, point, batch), span) in expected.into_iter().zip(spans) {
        let index = points.iter().position(|found| found.0 == point).unwrap_or_else(|| panic!("{name}: {points:#?}"));
        assert_eq!(points.swap_remove(index).1, 1, "{name}");
        assert_eq!(span.name, format!("{name} 0"));
        assert_eq!(span.span_kind, SpanKind::Client);
        assert_eq!(matches!(span.status, Status::Error { .. }), point.contains_key("error.type"), "{name}");
        let mut recorded = attributes(span.attributes.iter());
        assert_eq!(recorded.remove("db.operation.batch.size").map_or(1, |size| size.parse().unwrap()), batch, "{name}");
        assert_eq!(recorded, point, "{name}");
        assert!(!format!("{span:?}").contains("secret") && !format!("{span:?}").contains("hidden"));
    }
    assert_eq!(points, []);
}

#[tokio::test]
async fn store_records_commands_below_current_span() {
    let (mut server, exported) = (start(), InMemoryTelemetry::new());
    let client = Client::open(server.url()).unwrap();
    let instrument =
        Instrumentation::from_connection_info(client.get_connection_info()).telemetry(exported.telemetry());
    let redis = Redis::open(server.url()).unwrap().instrument(instrument);
    let span = exported.traces.tracer("test").start("request");
    let context = Context::new().with_span(span);
    async {
        redis.lease(&key(1), token(1), TERM).await.unwrap();
        redis.put(&key(1), b"hidden", None, Some(token(1))).await.unwrap();
        redis.get(&key(1)).await.unwrap();
        redis.remove(&key(1)).await.unwrap();
        redis.clear(&scope()).await.unwrap();
    }
    .with_context(context.clone())
    .await;
    let spans = exported.spans();
    let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    // The text of each script is sent once, because the server doesn't know the script yet.
    assert_eq!(names, ["EVALSHA 0", "EVAL 0", "EVALSHA 0", "EVAL 0", "GET 0", "UNLINK 0", "SCAN 0", "SCAN 0"]);
    for span in &spans {
        assert_eq!(span.parent_span_id, context.span().span_context().span_id());
        assert!(!format!("{span:?}").contains("hidden"));
    }
    assert_eq!(exported.value(DURATION, Some(("error.type", "NOSCRIPT"))), Some(2));

    server.kill().unwrap();
    redis.get(&key(1)).await.unwrap_err();
    redis.get(&key(1)).await.unwrap_err();
    // The second operation failed to connect.
    assert_eq!(exported.value(DURATION, Some(("error.type", "unreachable"))), Some(2));
    assert_eq!(exported.spans().len(), 2);
}

#[tokio::test]
async fn store_records_nothing_without_telemetry() {
    let (server, exported) = (start(), InMemoryTelemetry::new());
    let redis = Redis::connect(server.url()).await.unwrap();
    let redis = redis.instrument(Instrumentation::new().telemetry(exported.telemetry())).without_telemetry();
    redis.put(&key(1), b"x", None, None).await.unwrap();
    assert_eq!((exported.spans().len(), exported.points(DURATION).len()), (0, 0));
}

#[tokio::test]
async fn cluster_commands_are_recorded_for_all_nodes() {
    let (cluster, exported) = (start_cluster(), InMemoryTelemetry::new());
    let redis = Redis::connect_cluster(cluster.urls()).await.unwrap();
    let redis = redis.instrument(Instrumentation::new().telemetry(exported.telemetry()));
    for n in 0..50 {
        redis.put(&key(n), b"x", None, None).await.unwrap();
    }
    assert_eq!(redis.size(&scope()).await.unwrap().entries, Some(50));
    let calls = |name| {
        exported.points(DURATION).iter().filter(|(of, _)| of["db.operation.name"] == name).map(|of| of.1).sum::<u64>()
    };
    assert_eq!((calls("EVAL"), calls("EVALSHA")), (3, 50));
    assert_eq!((calls("CLUSTER"), calls("SCAN"), calls("PIPELINE STRLEN")), (1, 3, 3));
}

/// Asserts the metrics of a pool with one connection and a wait limit of 50 ms.
async fn assert_pool_is_instrumented(bare: impl ConnectionPool, max: Option<u64>) {
    let exported = InMemoryTelemetry::new();
    let telemetry = exported.telemetry();
    let instrument = Instrumentation::new().telemetry(telemetry.clone()).pool_name("mine");
    let pool = instrument.clone().pool(bare.clone());
    let value = |metric: &str| exported.value(metric, None);
    let state = |state| exported.value("db.client.connection.count", Some(("db.client.connection.state", state)));

    let mut connection = pool.get().await.unwrap();
    redis::cmd("PING").exec_async(&mut connection).await.unwrap();
    assert_eq!(
        exported.points("db.client.connection.wait_time"),
        [(attributes_of([("db.client.connection.pool.name", "mine")]), 1)]
    );
    assert_eq!((state("idle"), state("used")), (Some(0), Some(1)));
    assert_eq!(value("db.client.connection.max"), max);
    assert_eq!(value("db.client.connection.pending_requests"), Some(0));
    assert_eq!(value("db.client.connection.use_time"), None);
    assert_eq!(exported.value(DURATION, Some(("db.operation.name", "PING"))), Some(1));

    let mut waits = Box::pin(pool.get());
    assert!((&mut waits).now_or_never().is_none());
    assert_eq!(value("db.client.connection.pending_requests"), Some(1));
    let error = waits.await.err().unwrap();
    assert_eq!(kind_of(&bare, &error), StoreErrorKind::Timeout);
    assert_eq!(value("db.client.connection.timeouts"), Some(1));
    assert_eq!(value("db.client.connection.pending_requests"), Some(0));
    assert!(pool.get().now_or_never().is_none());
    assert_eq!(value("db.client.connection.pending_requests"), Some(0), "a dropped wait has ended");
    assert_eq!(value("db.client.connection.timeouts"), Some(1));

    drop(connection);
    assert_eq!(value("db.client.connection.use_time"), Some(1));
    eventually("the connection is returned", || async { (state("idle"), state("used")) == (Some(1), Some(0)) }).await;
    assert_eq!(value("db.client.connection.wait_time"), Some(1));

    // A store on the same pool reports under the same name.
    let redis = Redis::pool(bare).instrument(instrument);
    redis.put(&key(1), b"x", None, None).await.unwrap();
    assert_eq!(value("db.client.connection.wait_time"), Some(2));
    assert_eq!(value("db.client.connection.use_time"), Some(2));
    assert_eq!(exported.value(DURATION, Some(("db.operation.name", "EVAL"))), Some(1));
    drop(redis);
    drop(pool);
    assert_eq!((state("idle"), state("used")), (Some(0), Some(0)), "the pool is dropped");
    drop(telemetry);
}

fn kind_of<P: ConnectionPool>(_: &P, error: &P::Error) -> StoreErrorKind {
    P::kind_of(error)
}

#[tokio::test]
async fn pool_metrics_follow_pool() {
    const WAIT: Duration = Duration::from_millis(50);
    let server = start();
    let manager = RedisConnectionManager::new(server.url()).unwrap();
    let pool = bb8::Pool::builder().max_size(1).connection_timeout(WAIT).build(manager).await.unwrap();
    assert_pool_is_instrumented(pool, None).await;
    let server = start();
    let pool = Config::from_url(server.url()).builder().unwrap().max_size(1).wait_timeout(Some(WAIT));
    assert_pool_is_instrumented(pool.runtime(Runtime::Tokio1).build().unwrap(), Some(1)).await;
}
