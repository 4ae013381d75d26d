//! The telemetry of the clients' examples arrives in Prometheus and Jaeger, through a collector.

#[path = "../../program.rs"]
mod program;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cachescope_harness::{Server, Stack, Trace};
use program::program;

/// The timeout of a test that fails. Prometheus scrapes twice a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs an example with its server's address in `variable`. It exports to the shared collector as `service`.
fn run(stack: &Stack, example: &str, service: &str, variable: &str, server: &Server) -> Result<()> {
    let output = Command::new(program(example)?)
        .env(variable, server.url())
        .env("OTEL_SERVICE_NAME", service)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", stack.collector().otlp_http())
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .output()?;
    ensure!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Waits until the sum of the samples of `query` fulfils `expected`.
fn shows(stack: &Stack, query: &str, expected: impl Fn(f64) -> bool) -> Result<()> {
    let sum = |samples: &[cachescope_harness::Sample]| samples.iter().map(|sample| sample.value).sum::<f64>();
    stack.prometheus().eventually(query, PATIENCE, |samples| expected(sum(samples)))?;
    Ok(())
}

/// Checks that the store's commands are spans of kind client below the request's `cache.get`, for the hit and the miss.
fn shows_commands_below_the_cache(stack: &Stack, service: &str, commands: [&str; 2]) -> Result<()> {
    let of_request = |trace: &&Trace| trace.named("GET /users/{id}").next().is_some();
    let complete = |traces: &[Trace]| {
        let trace = traces.iter().find(of_request);
        trace.is_some_and(|trace| trace.named("cache.get user.by_id").count() == 2)
    };
    let traces = stack.jaeger().eventually(service, PATIENCE, complete)?;
    let trace = traces.iter().find(of_request).context("the request's trace")?;
    let gets: Vec<_> = trace.named("cache.get user.by_id").collect();
    let request = trace.named("GET /users/{id}").next().context("the request")?;
    assert!(gets.iter().all(|get| get.parent_id.as_ref() == Some(&request.span_id)));
    let results: Vec<_> = gets.iter().map(|get| get.tags["cachescope.result"].as_str()).collect();
    assert_eq!(results, ["miss", "hit"]);
    for get in gets {
        let below: Vec<_> = trace.spans.iter().filter(|span| span.parent_id.as_ref() == Some(&get.span_id)).collect();
        let client = below.iter().find(|span| commands.iter().any(|command| span.name.starts_with(command)));
        let client = client.with_context(|| format!("no {commands:?} below cache.get: {below:#?}"))?;
        assert_eq!(client.tags["span.kind"], "client");
    }
    Ok(())
}

#[test]
fn redis_client_exports_commands_and_pool_waits() -> Result<()> {
    let stack = Stack::shared()?;
    let server = Server::redis()?;
    run(&stack, "redis_client", "clients-redis", "REDIS_URL", &server)?;
    let of = |metric: &str| format!("{metric}{{job=\"clients-redis\"}}");
    let pool = |metric: &str| format!("{metric}{{job=\"clients-redis\",db_client_connection_pool_name=\"sessions\"}}");
    shows(&stack, &of("db_client_operation_duration_seconds_count"), |commands| commands >= 5.0)?;
    shows(&stack, &format!("max_over_time({}[1m])", pool("db_client_connection_pending_requests")), |most| {
        most >= 1.0
    })?;
    shows(&stack, &pool("db_client_connection_wait_time_seconds_count"), |waits| waits >= 2.0)?;
    shows(&stack, &pool("db_client_connection_timeouts_total"), |timeouts| timeouts == 1.0)?;
    shows_commands_below_the_cache(&stack, "clients-redis", ["GET", "EVALSHA"])
}

#[test]
fn postgres_client_exports_queries_and_pool_waits() -> Result<()> {
    let stack = Stack::shared()?;
    let server = Server::postgres()?;
    run(&stack, "postgres_client", "clients-postgres", "DATABASE_URL", &server)?;
    let of = |metric: &str| format!("{metric}{{job=\"clients-postgres\"}}");
    let pool =
        |metric: &str| format!("{metric}{{job=\"clients-postgres\",db_client_connection_pool_name=\"sessions\"}}");
    shows(&stack, &of("db_client_operation_duration_seconds_count"), |queries| queries >= 5.0)?;
    shows(&stack, &format!("max_over_time({}[1m])", pool("db_client_connection_pending_requests")), |most| {
        most >= 1.0
    })?;
    shows(&stack, &pool("db_client_connection_wait_time_seconds_count"), |waits| waits >= 2.0)?;
    shows(&stack, &pool("db_client_connection_timeouts_total"), |timeouts| timeouts == 1.0)?;
    shows_commands_below_the_cache(&stack, "clients-postgres", ["SELECT", "get"])
}

#[test]
fn mongodb_client_exports_commands_and_pool_waits() -> Result<()> {
    let stack = Stack::shared()?;
    let server = Server::mongodb()?;
    run(&stack, "mongodb_client", "clients-mongodb", "MONGODB_URL", &server)?;
    let of = |metric: &str| format!("{metric}{{job=\"clients-mongodb\"}}");
    shows(&stack, &of("db_client_operation_duration_seconds_count"), |commands| commands >= 2_000.0)?;
    shows(&stack, &of("db_client_connection_wait_time_seconds_count"), |waits| waits >= 2_000.0)?;
    shows(&stack, &format!("max_over_time({}[1m])", of("db_client_connection_pending_requests")), |most| most >= 10.0)?;
    shows_commands_below_the_cache(&stack, "clients-mongodb", ["find", "findAndModify"])
}
