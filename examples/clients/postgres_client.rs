//! Telemetry of a PostgreSQL pool, used directly and by a cache: its queries, and the waits for a pool that is too
//! small.
//!
//! `DATABASE_URL=postgres://… cargo run -p cachescope-client-examples --example postgres_client`, with the `OTEL_*`
//! variables for the exporters.

use std::time::Duration;

use anyhow::ensure;
use cachescope::sqlx::Instrumentation;
use cachescope::{Postgres, cached, otel};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use sqlx::postgres::PgPoolOptions;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _telemetry = otel::init()?;
    let address = std::env::var("DATABASE_URL").unwrap_or_else(|_| "postgres://postgres@127.0.0.1/".to_owned());

    // Used directly: a pool of two connections, with a timeout of two seconds.
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(2));
    let db = Instrumentation::new(options.connect(&address).await?).pool_name("sessions").build();
    let ping = "SELECT 1";
    db.query(ping).run(async |connection| sqlx::query(ping).execute(connection).await).await?;
    let (one, two) = (db.acquire().await?, db.acquire().await?);
    ensure!(db.acquire().await.is_err(), "both connections are in use");
    drop((one, two));

    // Used by a cache: the spans of the store's queries are children of `cache.get`.
    let store = Postgres::instrumented(db);
    store.create_table().await?;
    let user = cached("user.by_id", |id: u64| async move { format!("user {id}") }).store(store).build();
    user.invalidate(&7);
    user.flush().await?;
    let request = Context::current_with_span(opentelemetry::global::tracer("shop").start("GET /users/{id}"));
    let twice = async { (user.call(7).await, user.call(7).await) };
    let names = twice.with_context(request.clone()).await;
    request.span().end();
    println!("{names:?}: {}", user.metrics().stats());
    Ok(())
}
