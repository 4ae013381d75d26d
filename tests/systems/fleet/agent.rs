//! An agent keeps acknowledged data while the gateway is away, and over its own kill.

use anyhow::Context as _;
use opentelemetry::trace::{Tracer, TracerProvider};

use super::gateway::Gateway;
use super::instance::{Instance, Settings, counted};
use super::series::{self, awaits};
use super::{PATIENCE, file};

#[test]
fn agent_loses_nothing_without_its_gateway_and_over_a_kill() -> anyhow::Result<()> {
    const SERVICE: &str = "fleet.agent";
    let mut gateway = Gateway::start(&["gateway-aggregate.yaml", "routes/file.yaml"], &[])?;
    gateway.server.refuse_connections();
    let address = gateway.server.address();
    let settings = [
        ("CACHESCOPE_GATEWAY", address.as_str()),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.node.name=node-7,host.name=of-the-agent"),
    ];
    let mut agent = Gateway::start(&["agent.yaml"], &settings)?;
    let start = |instance, temporality| {
        let more = [("OTEL_RESOURCE_ATTRIBUTES", "host.name=its-own")];
        Instance::start(agent.server.url(), &Settings { service: SERVICE, instance, temporality, more: &more })
    };
    let instances = [start("one", "delta")?, start("two", "cumulative")?];
    let work = || {
        for instance in &instances {
            for _ in 0..3 {
                instance.works()?;
                instance.guard.tracer_provider().tracer("app").start("request");
                instance.sends()?;
            }
        }
        anyhow::Ok(())
    };
    work()?;
    agent.server.kill()?;
    agent.server.restart()?;
    work()?;
    agent.server.kill()?;
    agent.server.restart()?;
    gateway.server.accept_connections()?;
    awaits("through the agent", &counted(&instances)?, || gateway.sums(SERVICE))?;
    let requests = |spans: &Vec<file::Line>| spans.iter().filter(|span| span.name == "request").count() == 12;
    cachescope_harness::eventually("spans", PATIENCE, || file::spans(gateway.files.path()), requests)?;

    let samples = series::samples(&gateway.page()?)?;
    let level = samples.iter().find(|sample| {
        sample.metric == "cachescope_entry_count" && sample.labels.get("service_instance_id") == Some("one")
    });
    let labels = &level.context("no level")?.labels;
    assert_eq!([labels.get("host_name"), labels.get("k8s_node_name")], [Some("its-own"), Some("node-7")]);
    Ok(())
}
