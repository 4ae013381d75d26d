//! sqlx's PostgreSQL, told of alone and behind a cache: its queries, and a pool that is too small.
//!
//! `DATABASE_URL=postgres://… cargo run --example postgres_client`, with the `OTEL_*` variables for where it goes.

use std::time::Duration;

use anyhow::ensure;
use cachescope::sqlx::Instrument;
use cachescope::{Postgres, cached, otel};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use sqlx::postgres::PgPoolOptions;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _telemetry = otel::init()?;
    let address = std::env::var("DATABASE_URL").unwrap_or_else(|_| "postgres://postgres@127.0.0.1/".to_owned());

    // Alone: a pool of two connections, for which nobody waits longer than two seconds.
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(2));
    let db = Instrument::new(options.connect(&address).await?).pool_name("sessions").build();
    let ping = "SELECT 1";
    db.query(ping).run(async |connection| sqlx::query(ping).execute(connection).await).await?;
    let (one, two) = (db.acquire().await?, db.acquire().await?);
    ensure!(db.acquire().await.is_err(), "both connections are in use");
    drop((one, two));

    // Behind a cache: the store's queries are below `cache.get`.
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
