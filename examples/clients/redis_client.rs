//! Telemetry of Redis's client, used directly and by a cache: its commands, and the waits for a pool that is too small.
//!
//! `REDIS_URL=redis://127.0.0.1/ cargo run -p cachescope-client-examples --example redis_client`, with the `OTEL_*`
//! variables for the exporters.

use std::time::Duration;

use anyhow::ensure;
use cachescope::redis::bb8_redis::{RedisConnectionManager, bb8};
use cachescope::redis::redis::{Client, cmd};
use cachescope::redis::{Instrumentation, Redis};
use cachescope::{cached, otel};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _telemetry = otel::init()?;
    let address = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());

    // Used directly: a pool of two connections, with a timeout of two seconds.
    let manager = RedisConnectionManager::new(address.clone())?;
    let pool = bb8::Pool::builder().max_size(2).connection_timeout(Duration::from_secs(2)).build(manager).await?;
    let instrument = Instrumentation::from_connection_info(Client::open(address.clone())?.get_connection_info());
    let pool = instrument.pool_name("sessions").pool(pool);
    let (mut one, two) = (pool.get().await?, pool.get().await?);
    cmd("SET").arg("greeting").arg("hello").exec_async(&mut one).await?;
    ensure!(pool.get().await.is_err(), "both connections are in use");
    drop((one, two));

    // Used by a cache: the spans of the store's commands are children of `cache.get`.
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
