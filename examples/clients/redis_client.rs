//! Redis's client, told of alone and behind a cache: its commands, and a pool that is too small.
//!
//! `REDIS_URL=redis://127.0.0.1/ cargo run --example redis_client`, with the `OTEL_*` variables for where it goes.

use std::time::Duration;

use anyhow::ensure;
use cachescope::redis::bb8_redis::{RedisConnectionManager, bb8};
use cachescope::redis::redis::{Client, cmd};
use cachescope::redis::{Instrument, Redis};
use cachescope::{cached, otel};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _telemetry = otel::init()?;
    let address = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());

    // Alone: a pool of two connections, for which nobody waits longer than two seconds.
    let manager = RedisConnectionManager::new(address.clone())?;
    let pool = bb8::Pool::builder().max_size(2).connection_timeout(Duration::from_secs(2)).build(manager).await?;
    let told = Instrument::of(Client::open(address.clone())?.get_connection_info());
    let pool = told.pool_name("sessions").pool(pool);
    let (mut one, two) = (pool.get().await?, pool.get().await?);
    cmd("SET").arg("greeting").arg("hello").exec_async(&mut one).await?;
    ensure!(pool.get().await.is_err(), "both connections are in use");
    drop((one, two));

    // Behind a cache: the store's commands are below `cache.get`.
    let user = cached("user.by_id", |id: u64| async move { format!("user {id}") });
    let user = user.store(Redis::connect(address).await?).build();
    user.invalidate(&7);
    user.flush().await?;
    let request = Context::current_with_span(opentelemetry::global::tracer("shop").start("GET /users/{id}"));
    let twice = async { (user.call(7).await, user.call(7).await) };
    let names = twice.with_context(request.clone()).await;
    request.span().end();
    println!("{names:?}: {}", user.metrics().stats());
    Ok(())
}
