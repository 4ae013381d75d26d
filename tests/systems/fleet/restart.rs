//! The loss of a restart of the aggregating gateway: with delta temporality, its sums; with cumulative temporality, the
//! counts of ended instances.

use super::gateway::Gateway;
use super::instance::{Instance, Settings, counted};
use super::series::{self, Series, awaits};

struct Scene {
    gateway: Gateway,
    service: &'static str,
    instances: Vec<Instance>,
}

impl Scene {
    fn open(service: &'static str, temporality: &str) -> anyhow::Result<Self> {
        let gateway = Gateway::start(&["gateway-aggregate.yaml"], &[])?;
        let start =
            |instance| Instance::start(gateway.server.url(), &Settings { service, instance, temporality, more: &[] });
        let instances = ["one", "two", "three"].map(start).into_iter().collect::<anyhow::Result<_>>()?;
        Ok(Self { gateway, service, instances })
    }

    /// Makes all instances work and export. Returns their counts.
    fn goes_on(&self) -> anyhow::Result<Series> {
        for instance in &self.instances {
            instance.works()?;
            instance.sends()?;
        }
        counted(&self.instances)
    }

    fn shows(&self, what: &str, truth: &Series) -> anyhow::Result<()> {
        awaits(&format!("{}, {what}", self.service), truth, || self.gateway.sums(self.service))
    }
}

#[test]
fn deltas_begin_at_zero_after_a_restart_and_are_exact_from_then_on() -> anyhow::Result<()> {
    let mut scene = Scene::open("fleet.restart.delta", "delta")?;
    let before = scene.goes_on()?;
    scene.shows("before", &before)?;
    scene.gateway.server.kill()?;
    // Instances keep the counts that they can't export meanwhile.
    for instance in &scene.instances {
        instance.works()?;
        instance.sends().expect_err("no gateway");
    }
    scene.gateway.server.restart()?;
    let after = scene.goes_on()?;
    scene.shows("after", &series::since(&after, &before))
}

#[test]
fn cumulative_totals_are_complete_after_a_restart_except_for_ended_instances() -> anyhow::Result<()> {
    let mut scene = Scene::open("fleet.restart.cumulative", "cumulative")?;
    let all = scene.goes_on()?;
    scene.shows("before", &all)?;
    scene.gateway.server.restart()?;
    let all = scene.goes_on()?;
    scene.shows("after, with all of them", &all)?;
    let ended = scene.instances.remove(1).ends()?;
    scene.shows("one has ended", &all)?;
    scene.gateway.server.restart()?;
    let left = scene.goes_on()?;
    scene.shows("after, without one", &left)?;
    assert!(!ended.is_empty(), "there was nothing to lose");
    Ok(())
}
