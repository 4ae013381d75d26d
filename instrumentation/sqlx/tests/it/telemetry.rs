//! Telemetry of pools and queries.

use std::collections::BTreeMap;
use std::time::Duration;

use cachescope_core::shared::ByteStore;
use cachescope_harness::Server;
use cachescope_sqlx::{Instrumentation, Instrumented, MySql, Postgres, Sqlite, StoreDatabase};
use cachescope_telemetry::Telemetry;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, Pool};
use tokio::time::timeout;

use crate::{mariadb, postgres, store_suite};

/// Providers of one test, which export into memory.
struct InMemoryTelemetry {
    metrics: InMemoryMetricExporter,
    meters: SdkMeterProvider,
    spans: InMemorySpanExporter,
    tracers: SdkTracerProvider,
    telemetry: Telemetry,
}

/// Attributes as text.
type Attributes = BTreeMap<String, String>;

impl InMemoryTelemetry {
    fn new() -> Self {
        let (metrics, spans) = (InMemoryMetricExporter::default(), InMemorySpanExporter::default());
        let meters = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(metrics.clone()).build()).build();
        let tracers = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let telemetry = Telemetry::new(meters.clone(), tracers.clone());
        Self { metrics, meters, spans, tracers, telemetry }
    }

    fn instrument<DB: StoreDatabase>(&self, pool: Pool<DB>, texts: bool) -> Instrumented<DB> {
        let telemetry = self.telemetry.clone();
        Instrumentation::new(pool).client(|client| client.telemetry(telemetry)).query_texts(texts).build()
    }

    /// Collects the points of a metric: the value of a sum, or the count of a histogram.
    fn points(&self, name: &str) -> Vec<(Attributes, i64)> {
        self.metrics.reset();
        self.meters.force_flush().unwrap();
        let mut points = Vec::new();
        for resource in self.metrics.get_finished_metrics().unwrap() {
            for metric in resource.scope_metrics().flat_map(|scope| scope.metrics()).filter(|one| one.name() == name) {
                match metric.data() {
                    AggregatedMetrics::I64(MetricData::Sum(sum)) => {
                        points.extend(sum.data_points().map(|point| (text(point.attributes()), point.value())));
                    }
                    AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                        points.extend(sum.data_points().map(|point| (text(point.attributes()), point.value() as i64)));
                    }
                    AggregatedMetrics::F64(MetricData::Histogram(times)) => {
                        assert!(times.data_points().all(|point| point.sum() > 0.0 && point.sum() < 600.0));
                        points
                            .extend(times.data_points().map(|point| (text(point.attributes()), point.count() as i64)));
                    }
                    other => panic!("{name} is {other:?}"),
                }
            }
        }
        points.sort();
        points
    }

    /// Returns the value of the only point with the given attributes, or 0 if there is none.
    fn value(&self, name: &str, among: &[(&str, &str)]) -> i64 {
        let has = |point: &Attributes| among.iter().all(|(name, value)| point.get(*name).is_some_and(|is| is == value));
        let points: Vec<_> = self.points(name).into_iter().filter(|(attributes, _)| has(attributes)).collect();
        assert!(points.len() <= 1, "{points:?}");
        points.first().map_or(0, |(_, value)| *value)
    }

    fn spans(&self) -> Vec<SpanData> {
        self.tracers.force_flush().unwrap();
        self.spans.get_finished_spans().unwrap()
    }
}

fn text<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> Attributes {
    attributes.map(|one| (one.key.to_string(), one.value.to_string())).collect()
}

fn attributes<const N: usize>(all: [(&str, &str); N]) -> Attributes {
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

const COUNT: &str = "db.client.connection.count";
const DURATION: &str = "db.client.operation.duration";

async fn small(folder: &tempfile::TempDir) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(folder.path().join("a.db")).create_if_missing(true);
    // Long enough to open a connection on a busy machine. One test waits for it once.
    let pool = SqlitePoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(2));
    pool.connect_with(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pool_metrics_follow_pool() {
    let (folder, exported) = (tempfile::tempdir().unwrap(), InMemoryTelemetry::new());
    let db = exported.instrument(small(&folder).await, false);
    let pool = [("db.client.connection.pool.name", "sqlite")];
    let state = |state| exported.value(COUNT, &[pool[0], ("db.client.connection.state", state)]);
    assert_eq!((state("idle"), state("used")), (1, 0));
    assert_eq!(exported.value("db.client.connection.max", &pool), 2);

    let [one, two] = [db.acquire().await.unwrap(), db.acquire().await.unwrap()];
    assert_eq!((state("idle"), state("used")), (0, 2));
    assert!(matches!(db.acquire().await, Err(sqlx::Error::PoolTimedOut)));
    assert_eq!(exported.value("db.client.connection.timeouts", &pool), 1);
    assert_eq!(exported.value("db.client.connection.wait_time", &pool), 2, "a wait that timed out has no wait time");
    assert_eq!(exported.value("db.client.connection.use_time", &pool), 0);

    let mut waiting = Box::pin(db.acquire());
    assert!(timeout(Duration::from_millis(1), &mut waiting).await.is_err());
    assert_eq!(exported.value("db.client.connection.pending_requests", &pool), 1);
    drop(waiting);
    assert_eq!(exported.value("db.client.connection.pending_requests", &pool), 0);

    drop((one, two));
    store_suite::eventually("both connections are returned", async || (state("idle"), state("used")) == (2, 0)).await;
    assert_eq!(exported.value("db.client.connection.use_time", &pool), 2);
    // A connection taken directly from the pool shows in the count.
    let direct = db.pool().acquire().await.unwrap();
    assert_eq!(state("used"), 1);
    drop(direct);

    let clone = db.clone();
    drop(db);
    assert!(state("idle") > 0, "a clone is left");
    drop(clone);
    assert_eq!((state("idle"), state("used")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_recorded_without_their_data() {
    let (folder, exported) = (tempfile::tempdir().unwrap(), InMemoryTelemetry::new());
    let db = exported.instrument(small(&folder).await, false);
    let create = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)";
    db.query(create).run(async |connection| sqlx::query(create).execute(connection).await).await.unwrap();
    let insert = "INSERT INTO users (id, name) VALUES (7, 'secret')";
    let in_transaction = async {
        let mut connection = db.acquire().await?;
        let mut transaction = connection.begin().await?;
        db.query(insert).table("users").record(sqlx::query(insert).execute(&mut *transaction)).await?;
        transaction.commit().await
    };
    in_transaction.await.unwrap();
    let select = "SELECT name FROM users WHERE id = $1";
    let asked = {
        let db = db.clone();
        // The future is `Send`, so a task can run it.
        tokio::spawn(async move {
            let query = async |connection: &mut sqlx::SqliteConnection| {
                sqlx::query_scalar::<_, String>(select).bind(7).fetch_one(connection).await
            };
            db.query(select).run(query).await
        })
    };
    assert_eq!(asked.await.unwrap().unwrap(), "secret");

    let failing = "INSERT INTO users (id, name) VALUES (7, 'secret too')";
    let failed = db.query(failing).run(async |connection| sqlx::query(failing).execute(connection).await).await;
    assert!(failed.unwrap_err().as_database_error().unwrap().is_unique_violation());
    let never = db.operation("users.never").run(async |_| std::future::pending::<Result<(), sqlx::Error>>().await);
    assert!(timeout(Duration::from_millis(50), never).await.is_err());

    let of = |name, error: &[(&str, &str)]| {
        let mut of = attributes([("db.system.name", "sqlite"), ("db.operation.name", name)]);
        of.extend(error.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        of
    };
    let mut expected = vec![
        (of("CREATE", &[]), 1),
        (of("SELECT", &[]), 1),
        (of("INSERT", &[("error.type", "1555"), ("db.response.status_code", "1555")]), 1),
        (of("users.never", &[("error.type", "cancelled")]), 1),
        (of("INSERT", &[("db.collection.name", "users")]), 1),
    ];
    expected.sort();
    assert_eq!(exported.points(DURATION), expected);

    let spans = exported.spans();
    let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    assert!(names.contains(&"SELECT users") && names.contains(&"INSERT users"), "{names:?}");
    let output = format!("{spans:?} {:?}", exported.points(DURATION));
    assert!(!output.contains("secret") && !output.contains("db.query.text"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn query_text_is_recorded_without_literals_when_enabled() {
    let (folder, exported) = (tempfile::tempdir().unwrap(), InMemoryTelemetry::new());
    let db = exported.instrument(small(&folder).await, true);
    let sql = "SELECT 'secret' WHERE 7 = 7";
    db.query(sql).run(async |connection| sqlx::query(sql).fetch_all(connection).await).await.unwrap();
    let spans = exported.spans();
    let texts: Vec<Attributes> = spans.iter().map(|span| text(span.attributes.iter())).collect();
    assert_eq!(texts[0]["db.query.text"], "SELECT ? WHERE ? = ?");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_statements_are_recorded_without_keys() {
    let (folder, exported) = (tempfile::tempdir().unwrap(), InMemoryTelemetry::new());
    let store = Sqlite::instrumented(exported.instrument(small(&folder).await, true));
    let key = store_suite::key("recorded", "secret");
    assert!(store.get(&key).await.is_err());
    store.create_table().await.unwrap();
    store.put(&key, b"secret", None, None).await.unwrap();
    store.get(&key).await.unwrap();
    store.get(&key).await.unwrap();
    store.remove(&key).await.unwrap();
    let recorded =
        |name| exported.value(DURATION, &[("db.operation.name", name), ("db.collection.name", "cachescope")]);
    assert_eq!((recorded("INSERT"), recorded("DELETE")), (1, 1));
    let selects = exported.points(DURATION).into_iter().filter(|(of, _)| of["db.operation.name"] == "SELECT");
    let (failed, fine): (Vec<_>, Vec<_>) = selects.partition(|(of, _)| of.contains_key("error.type"));
    // `get` and the read of the schema version found no table.
    assert_eq!((failed[0].1, fine[0].1), (2, 2));
    assert_eq!(exported.value("db.client.connection.use_time", &[]), 6);
    let all = format!("{:?} {:?}", exported.spans(), exported.points(DURATION));
    assert!(!all.contains("secret"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_address_and_error_code_are_recorded() {
    let exported = InMemoryTelemetry::new();
    let (postgres, mariadb) = (postgres::start(), mariadb::start());
    let pool = postgres::pool(&postgres, 2).await;
    Postgres::instrumented(exported.instrument(pool, false)).get(&store_suite::key("recorded", &1)).await.unwrap_err();
    let pool = mariadb::pool(&mariadb, 2).await;
    MySql::instrumented(exported.instrument(pool, false)).get(&store_suite::key("recorded", &1)).await.unwrap_err();
    let of = |system, code, server: &Server| {
        let address = server.address();
        let (host, port) = address.split_once(':').unwrap();
        attributes([
            ("db.collection.name", "cachescope"),
            ("db.namespace", "cachescope"),
            ("db.operation.name", "SELECT"),
            ("db.response.status_code", code),
            ("db.system.name", system),
            ("error.type", code),
            ("server.address", host),
            ("server.port", port),
        ])
    };
    let expected = [(of("mysql", "1146", &mariadb), 1), (of("postgresql", "42P01", &postgres), 1)];
    let points = exported.points(DURATION);
    assert_eq!(points.len(), 2);
    assert!(expected.iter().all(|point| points.contains(point)), "{points:?}");
    let name = format!("{}/cachescope", postgres.address());
    let of_pool = [("db.client.connection.pool.name", name.as_str())];
    assert_eq!(exported.value("db.client.connection.wait_time", &of_pool), 1);
}
