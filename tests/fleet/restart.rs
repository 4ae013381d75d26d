//! What a restart of the aggregating gateway loses: with differences, what it had; with running totals, what instances
//! that have ended had.

use crate::gateway::Gateway;
use crate::instance::{Instance, Settings, counted};
use crate::series::{self, Series, awaits};

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

    /// All work and send; gives what they have counted.
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
fn differences_begin_at_zero_and_go_on_exactly() -> anyhow::Result<()> {
    let mut scene = Scene::open("fleet.restart.differences", "delta")?;
    let before = scene.goes_on()?;
    scene.shows("before", &before)?;
    scene.gateway.server.kill()?;
    // What is counted meanwhile, and can't be sent, is kept by who counted it.
    for instance in &scene.instances {
        instance.works()?;
        instance.sends().expect_err("nobody is there");
    }
    scene.gateway.server.restart()?;
    let after = scene.goes_on()?;
    scene.shows("after", &series::since(&after, &before))
}

#[test]
fn running_totals_are_whole_again_but_for_instances_that_ended() -> anyhow::Result<()> {
    let mut scene = Scene::open("fleet.restart.totals", "cumulative")?;
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
