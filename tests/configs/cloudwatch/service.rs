//! A service whose caches produce all metrics of the dashboard, and which exports them to the double.

use std::any::Any;
use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context as Task, Waker};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use cachescope::metrics::{LoadTrigger, StoreErrorKind};
use cachescope::otel::{Guard, MetricExporter};
use cachescope::{Clock, Moka, Shared, Stats, Telemetry, Tiered, try_cached};
use cachescope_harness::{Cloudwatch, CloudwatchDatum, Server};
use cachescope_testing::{Fault, InMemory};
use cachescope_tests::setup::{setup, telemetry};
use cachescope_tests::workload::Refused;
use futures_util::FutureExt;

use super::api;
use crate::files;

pub(crate) const NAME: &str = "shop";
/// A cache with many faults, a healthy cache, and a cache with a failing shared store.
pub(crate) const CACHES: [&str; 3] = ["user.by_id", "page.by_path", "product.by_id"];

pub(crate) struct Service {
    double: Server,
    stats: Vec<Stats>,
}

/// The stats of a cache, and the cache itself, as its gauges are exported while it exists.
type Worked = (Stats, Box<dyn Any>);

impl Service {
    /// Runs the service and exports its metrics.
    pub(crate) fn start() -> Result<Self> {
        let double = Server::cloudwatch()?;
        let guard = set_up(&double)?;
        let telemetry = || telemetry(&guard);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let worked = runtime.block_on(async {
            anyhow::Ok([troubled(telemetry()).await?, well(telemetry()).await?, shared(telemetry()).await?])
        })?;
        guard.flush()?;
        Ok(Self { double, stats: worked.into_iter().map(|(stats, _)| stats).collect() })
    }

    pub(crate) fn double(&self) -> &Server {
        &self.double
    }

    /// The stats of one of [`CACHES`].
    pub(crate) fn stats(&self, cache: &str) -> Result<&Stats> {
        let at = CACHES.iter().position(|name| *name == cache).context("no such cache")?;
        self.stats.get(at).context("no stats")
    }

    /// The hit rate of all caches.
    pub(crate) fn hit_rate(&self) -> Result<f64> {
        let all = self.stats.iter().cloned().reduce(|all, stats| all.merge(&stats));
        all.and_then(|all| all.hit_rate()).context("no request")
    }

    /// The names and the dimensions of the metrics that the double received.
    pub(crate) fn sent(&self) -> Result<BTreeSet<(String, BTreeSet<String>)>> {
        let datums = Cloudwatch::of(&self.double).datums()?;
        let kind = |datum: &CloudwatchDatum| {
            (datum.metric_name.clone(), datum.dimensions().into_keys().map(str::to_owned).collect())
        };
        Ok(datums.iter().map(kind).collect())
    }
}

/// The dimensions that the page tells users to set.
fn dimensions() -> Result<String> {
    let page = files::text("cloudwatch/README.md")?;
    let line = page.lines().find_map(|line| line.strip_prefix("export CACHESCOPE_CLOUDWATCH_DIMENSIONS='"));
    Ok(line.and_then(|line| line.strip_suffix('\'')).context("the page doesn't say which dimensions")?.to_owned())
}

fn set_up(double: &Server) -> Result<Guard> {
    let variables = [
        ("AWS_ENDPOINT_URL", double.url()),
        ("AWS_REGION", api::REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("CACHESCOPE_CLOUDWATCH_DIMENSIONS", &dimensions()?),
    ];
    let setup = setup(&variables).service_name(NAME).metric_exporters([MetricExporter::CloudWatch]);
    Ok(setup.trace_exporters([]).deadline(Duration::from_secs(30)).init()?)
}

async fn load(key: u64) -> Result<u64, Refused> {
    // An await point, at which requests join and futures are dropped.
    tokio::task::yield_now().await;
    if key % 10 == 9 { Err(Refused) } else { Ok(key) }
}

async fn troubled(telemetry: Telemetry) -> Result<Worked> {
    let (clock, hands) = Clock::manual();
    let cache = try_cached(CACHES[0], load)
        .stale_after(Duration::from_secs(10))
        .serve_stale_for(Duration::from_secs(10))
        .wait_for_load_timeout(Duration::from_secs(1))
        .cache_if(|value| value % 10 != 8)
        .store(Moka::with_capacity(1_000))
        .clock(clock)
        .telemetry(telemetry)
        .build();
    for key in 0..100 {
        ensure!(cache.try_call(key).await.is_err() == (key % 10 == 9), "the wrong answer of {key}");
    }
    cache.try_call(1).await?;
    hands.advance(Duration::from_secs(11));
    cache.try_call(1).await?;
    for _ in 0..10_000 {
        if cache.metrics().stats().load_duration_by(LoadTrigger::Refresh).count() > 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    cache.try_request(2).bypass().await?;
    ensure!(cache.try_request(200).only_if_cached().await.is_none(), "nobody loaded it");
    cache.invalidate(&3);
    let (one, other) = tokio::join!(cache.try_call(201), cache.try_call(201));
    ensure!(one == Ok(201) && other == one, "a shared answer was wrong");
    let mut task = Task::from_waker(Waker::noop());
    {
        let mut dropped = pin!(cache.try_call(202));
        ensure!(dropped.poll_unpin(&mut task).is_pending(), "nothing to drop");
    }
    let (mut slow, mut impatient) = (pin!(cache.try_call(203)), pin!(cache.try_call(203)));
    ensure!(slow.poll_unpin(&mut task).is_pending() && impatient.poll_unpin(&mut task).is_pending(), "no wait");
    hands.advance(Duration::from_secs(1));
    impatient.await?;
    slow.await?;
    Ok((cache.metrics().stats(), Box::new(cache.clone())))
}

async fn well(telemetry: Telemetry) -> Result<Worked> {
    let (clock, hands) = Clock::manual();
    // By the real clock, such a short load might save no time.
    let slowly = move |key| {
        hands.advance(Duration::from_millis(10));
        load(key)
    };
    let store = Moka::with_byte_limit(1_000, |_, _| 8);
    let cache = try_cached(CACHES[1], slowly).store(store).clock(clock).telemetry(telemetry).build();
    // Enough requests for a curve.
    for request in 0..600 {
        cache.try_call(request % 8).await?;
    }
    Ok((cache.metrics().stats(), Box::new(cache)))
}

async fn shared(telemetry: Telemetry) -> Result<Worked> {
    let (clock, _hands) = Clock::manual();
    let shared_store = InMemory::new(clock.clone());
    let store = Tiered::new(Moka::with_capacity(1_000), Shared::new(shared_store.clone()));
    let cache = try_cached(CACHES[2], load).store(store).clock(clock).telemetry(telemetry).build();
    cache.try_call(0).await?;
    shared_store.set_fault(Some(Fault::Fails(StoreErrorKind::Unreachable)));
    for key in (0..200).filter(|key| key % 10 != 9) {
        cache.try_call(key).await?;
    }
    Ok((cache.metrics().stats(), Box::new(cache)))
}
