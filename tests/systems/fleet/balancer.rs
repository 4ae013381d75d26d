//! Two load balancers in front of two gateways: sums are exact with either balancer, each trace is complete in one
//! gateway, and the metrics of spans count all spans.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use cachescope_harness::eventually;
use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use prometheus_parse::Value;

use super::gateway::Gateway;
use super::instance::{Instance, Settings};
use super::series::{self, Series, awaits};
use super::{PATIENCE, file};

struct Layout {
    gateways: [Gateway; 2],
    front: [Gateway; 2],
}

impl Layout {
    fn start() -> anyhow::Result<Self> {
        let gateway = || Gateway::start(&["gateway-aggregate.yaml", "routes/file.yaml"], &[]);
        let gateways = [gateway()?, gateway()?];
        let list = format!("[{}, {}]", gateways[0].server.address(), gateways[1].server.address());
        let front =
            || Gateway::start(&["gateway-scaled.yaml", "span-metrics.yaml"], &[("CACHESCOPE_GATEWAYS", list.as_str())]);
        let front = [front()?, front()?];
        Ok(Self { gateways, front })
    }

    /// The series of a service's cache in each gateway.
    fn sums(&self, service: &str) -> anyhow::Result<[Series; 2]> {
        Ok([self.gateways[0].sums(service)?, self.gateways[1].sums(service)?])
    }

    /// Starts an instance of a service that sends to one of the balancers.
    fn instance(&self, service: &str, front: usize) -> anyhow::Result<Instance> {
        let settings = Settings {
            service,
            instance: ["one", "two"][front],
            temporality: ["delta", "cumulative"][front],
            more: &[],
        };
        Instance::start(self.front[front].server.url(), &settings)
    }

    /// The number of spans in the metrics of spans, by service.
    fn calls(&self) -> anyhow::Result<BTreeMap<String, f64>> {
        let mut calls = BTreeMap::new();
        for gateway in &self.gateways {
            for sample in series::samples(&gateway.page()?)? {
                if let ("traces_span_metrics_calls_total", Value::Counter(value)) = (&*sample.metric, &sample.value) {
                    let service = sample.labels.get("service_name").context("a service")?;
                    *calls.entry(service.to_owned()).or_default() += value;
                }
            }
        }
        Ok(calls)
    }
}

#[test]
fn sums_are_exact_and_each_service_is_in_one_gateway() -> anyhow::Result<()> {
    let layout = Layout::start()?;
    for service in ["scaled.basket", "scaled.search", "scaled.users", "scaled.prices"] {
        let mut truth = Series::new();
        let instances = [layout.instance(service, 0)?, layout.instance(service, 1)?];
        for _ in 0..3 {
            for instance in &instances {
                instance.works()?;
                instance.sends()?;
            }
        }
        for instance in instances {
            series::add(&mut truth, &instance.ends()?);
        }
        let both = || {
            let [mut one, other] = layout.sums(service)?;
            series::add(&mut one, &other);
            Ok(one)
        };
        awaits(service, &truth, both)?;
        assert_eq!(layout.sums(service)?.iter().filter(|sums| !sums.is_empty()).count(), 1, "{service}");
    }
    Ok(())
}

#[test]
fn trace_is_complete_in_one_gateway_and_all_its_spans_are_counted() -> anyhow::Result<()> {
    const TRACES: usize = 200;
    let layout = Layout::start()?;
    let (caller, callee) = (layout.instance("scaled.caller", 0)?, layout.instance("scaled.callee", 1)?);
    let (calls, answers) = (caller.guard.tracer_provider().tracer("app"), callee.guard.tracer_provider().tracer("app"));
    for _ in 0..TRACES {
        let call = Context::new().with_span(calls.start_with_context("call", &Context::new()));
        answers.start_with_context("answer", &call);
    }
    caller.sends()?;
    callee.sends()?;
    let own = |folder: &Gateway| {
        let spans = file::spans(folder.files.path())?;
        anyhow::Ok(spans.into_iter().filter(|span| ["call", "answer"].contains(&&*span.name)).collect::<Vec<_>>())
    };
    let read = || Ok([own(&layout.gateways[0])?, own(&layout.gateways[1])?]);
    let arrived = |found: &[Vec<file::Line>; 2]| found[0].len() + found[1].len() >= 2 * TRACES;
    let [one, other] = eventually("all spans", PATIENCE, read, arrived)?;
    assert_eq!(one.len() + other.len(), 2 * TRACES);
    let traces = |spans: &[file::Line]| spans.iter().map(|span| span.trace_id.clone()).collect::<BTreeSet<_>>();
    assert!(traces(&one).is_disjoint(&traces(&other)), "a trace is torn");
    assert!(!one.is_empty() && !other.is_empty(), "{} and {}", one.len(), other.len());
    println!("{} traces in one gateway, {} in the other", traces(&one).len(), traces(&other).len());

    let expected = ["scaled.caller", "scaled.callee"].map(|service| (service.to_owned(), TRACES as f64));
    eventually("calls", PATIENCE, || layout.calls(), |found| *found == BTreeMap::from(expected.clone()))?;
    Ok(())
}
