//! Telemetry of MongoDB's driver, used directly and by a cache: its commands, and the waits for a pool that is too
//! small.
//!
//! `MONGODB_URL=mongodb://… cargo run -p cachescope-client-examples --example mongodb_client`, with the `OTEL_*`
//! variables for the exporters.

use std::time::Duration;

use anyhow::ensure;
use cachescope::mongodb::instrument;
use cachescope::mongodb::mongodb::bson::{Document, doc};
use cachescope::mongodb::mongodb::{Client, options::ClientOptions};
use cachescope::{MongoDb, cached, otel};
use futures_util::future::join_all;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _telemetry = otel::init()?;
    let address = std::env::var("MONGODB_URL").unwrap_or_else(|_| "mongodb://127.0.0.1/".to_owned());

    // Used directly: a pool of one connection, for which many commands wait.
    let mut options = ClientOptions::parse(&address).await?;
    options.max_pool_size = Some(1);
    options.server_selection_timeout = Some(Duration::from_secs(2));
    instrument(&mut options);
    let database = Client::with_options(options)?.database("shop");
    let greetings = database.collection::<Document>("greetings");
    let all = join_all((0..2_000).map(|number| greetings.insert_one(doc! { "number": number }).into_future())).await;
    ensure!(all.iter().all(Result::is_ok), "every command must get the connection in the end");

    // Used by a cache: the spans of the store's commands are children of `cache.get`.
    let user = cached("user.by_id", |id: u64| async move { format!("user {id}") });
    let user = user.store(MongoDb::new(database.collection("entries"))).build();
    user.invalidate(&7);
    user.flush().await?;
    let request = Context::current_with_span(opentelemetry::global::tracer("shop").start("GET /users/{id}"));
    let twice = async { (user.call(7).await, user.call(7).await) };
    let names = twice.with_context(request.clone()).await;
    request.span().end();
    println!("{names:?}: {}", user.metrics().stats());
    Ok(())
}
