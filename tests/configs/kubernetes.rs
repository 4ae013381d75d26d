//! The manifests for Kubernetes run the tested configurations, with consistent names, ports and variables.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{collector, files};

const MANIFESTS: [&str; 4] = ["agent.yaml", "balancer.yaml", "gateway.yaml", "service.yaml"];

/// The objects of a manifest.
fn objects(manifest: &str) -> Result<Vec<Value>> {
    let text = files::text(&format!("kubernetes/{manifest}"))?;
    let one = |document: &str| serde_saphyr::from_str(document).with_context(|| manifest.to_owned());
    text.split("\n---\n").map(one).collect()
}

fn all() -> Result<Vec<Value>> {
    Ok(MANIFESTS.into_iter().map(objects).collect::<Result<Vec<_>>>()?.concat())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

fn of_kind<'a>(objects: &'a [Value], kinds: &'a [&str]) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| kinds.iter().any(|kind| object["kind"] == *kind))
}

/// The collectors of the manifests: the name of the workload, and the container.
fn collectors(objects: &[Value]) -> Vec<(&str, &Value)> {
    let workloads = of_kind(objects, &["DaemonSet", "Deployment", "StatefulSet"]);
    let containers = workloads.flat_map(|workload| {
        let name = workload["metadata"]["name"].as_str().unwrap_or_default();
        list(&workload["spec"]["template"]["spec"]["containers"]).map(move |container| (name, container))
    });
    containers.filter(|(_, container)| container["name"] == "collector").collect()
}

/// The variables of a container with a literal value.
fn settings(container: &Value) -> BTreeMap<String, String> {
    let set =
        list(&container["env"]).filter_map(|variable| Some((variable["name"].as_str()?, variable["value"].as_str()?)));
    set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The ports of a container, by name.
fn ports(container: &Value) -> BTreeMap<&str, u64> {
    list(&container["ports"])
        .filter_map(|port| Some((port["name"].as_str()?, port["containerPort"].as_u64()?)))
        .collect()
}

fn configs(container: &Value) -> Result<Vec<&str>> {
    let config = |argument| {
        let path = word(argument)?.strip_prefix("--config=/etc/cachescope/");
        path.with_context(|| format!("{argument} isn't a mounted configuration"))
    };
    list(&container["args"]).map(config).collect()
}

#[test]
fn collectors_accept_their_configurations_with_their_variables() -> Result<()> {
    let objects = all()?;
    let page = files::text("kubernetes/README.md")?;
    let collectors = collectors(&objects);
    assert_eq!(collectors.len(), 3);
    for (name, container) in collectors {
        assert_eq!(container["image"], collector::image()?.as_str(), "{name}");
        let configs = configs(container)?;
        collector::validate(&configs, &settings(container)).with_context(|| name.to_owned())?;
        for config in configs {
            assert!(page.contains(&format!("--from-file=../{config}")), "{config} isn't in the ConfigMap");
        }
    }
    Ok(())
}

/// The port of a collector's own metrics, unless CACHESCOPE_SELF_PORT is set.
const SELF: u64 = 8888;

#[test]
fn collectors_have_ports_probes_and_enough_memory() -> Result<()> {
    for (name, container) in collectors(&all()?) {
        let (ports, settings) = (ports(container), settings(container));
        let listening = settings.values().filter(|value| value.starts_with("0.0.0.0:"));
        let listening: BTreeSet<u64> = listening
            .map(|address| collector::port(address).map(u64::from))
            .chain([Ok(SELF)])
            .collect::<Result<_>>()?;
        // Its own metrics, which show losses, are scraped from outside.
        assert_eq!(settings["CACHESCOPE_SELF_HOST"], "0.0.0.0", "{name}");
        assert_eq!(ports.values().copied().collect::<BTreeSet<_>>(), listening, "{name}");
        let health = u64::from(collector::port(&settings["CACHESCOPE_HEALTH"])?);
        for probe in ["readinessProbe", "livenessProbe"] {
            let asked = word(&container[probe]["httpGet"]["port"])?;
            assert_eq!(ports.get(asked), Some(&health), "{name}: {probe}");
        }
        let limit = word(&container["resources"]["limits"]["memory"])?;
        let limit: u64 = limit.strip_suffix("Mi").with_context(|| limit.to_owned())?.parse()?;
        let config: Value = files::yaml(configs(container)?[0])?;
        let most = config["processors"]["memory_limiter"]["limit_mib"].as_u64().context("no memory limit")?;
        // The process takes more memory than its heap, which is all that the limiter sees.
        assert!(limit >= most + most / 4, "{name}: {limit} MiB, and its heap may have {most}");
    }
    Ok(())
}

#[test]
fn services_and_selectors_match_their_pods() -> Result<()> {
    let objects = all()?;
    let mut targets = BTreeMap::new();
    for workload in of_kind(&objects, &["DaemonSet", "Deployment", "StatefulSet"]) {
        let template = &workload["spec"]["template"];
        assert_eq!(workload["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);
        let mounted: BTreeSet<&str> = list(&template["spec"]["containers"][0]["volumeMounts"])
            .filter_map(|mount| mount["name"].as_str())
            .collect();
        let volumes: BTreeSet<&str> =
            list(&template["spec"]["volumes"]).filter_map(|volume| volume["name"].as_str()).collect();
        assert_eq!(mounted, volumes);
        targets.insert(template["metadata"]["labels"].to_string(), ports(&template["spec"]["containers"][0]));
    }
    let mut seen = 0;
    for service in of_kind(&objects, &["Service"]) {
        let ports = targets.get(&service["spec"]["selector"].to_string()).context("a Service of no pods")?;
        for port in list(&service["spec"]["ports"]) {
            assert_eq!(ports.get(word(&port["targetPort"])?), port["port"].as_u64().as_ref(), "{port}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} ports of Services");
    Ok(())
}

/// The ports of a Service in the manifests.
fn service_ports(objects: &[Value], name: &str) -> Result<BTreeSet<u64>> {
    let service = of_kind(objects, &["Service"]).find(|service| service["metadata"]["name"] == name);
    let ports = &service.with_context(|| format!("no Service {name}"))?["spec"]["ports"];
    Ok(list(ports).filter_map(|port| port["port"].as_u64()).collect())
}

#[test]
fn senders_have_addresses_of_existing_services() -> Result<()> {
    let objects = all()?;
    let reaches = |address: &str| {
        let (host, port) = address.rsplit_once(':').with_context(|| format!("{address} has no port"))?;
        ensure!(service_ports(&objects, host)?.contains(&port.parse()?), "nothing listens at {address}");
        Ok(())
    };
    let by_name: BTreeMap<&str, &Value> = collectors(&objects).into_iter().collect();
    reaches(&settings(by_name["cachescope-agent"])["CACHESCOPE_GATEWAY"])?;
    let shop = objects.iter().find(|object| object["metadata"]["name"] == "shop").context("no shop")?;
    let shop = &shop["spec"]["template"]["spec"]["containers"][0];
    let sends = &settings(shop)["OTEL_EXPORTER_OTLP_ENDPOINT"];
    reaches(sends.strip_prefix("http://").context("not HTTP")?)?;

    let gateways = of_kind(&objects, &["StatefulSet"]).next().context("no gateways")?;
    let (name, within) = (word(&gateways["metadata"]["name"])?, word(&gateways["spec"]["serviceName"])?);
    let replicas = gateways["spec"]["replicas"].as_u64().context("no replicas")?;
    let expected: Vec<String> = (0..replicas).map(|at| format!("{name}-{at}.{within}:4317")).collect();
    assert_eq!(settings(by_name["cachescope-balancer"])["CACHESCOPE_GATEWAYS"], format!("[{}]", expected.join(", ")));
    reaches(&format!("{within}:4317"))
}

#[test]
fn variables_are_defined_before_their_use() -> Result<()> {
    for object in of_kind(&all()?, &["DaemonSet", "Deployment", "StatefulSet"]) {
        let mut above = BTreeSet::new();
        for variable in list(&object["spec"]["template"]["spec"]["containers"][0]["env"]) {
            let used = variable["value"].as_str().unwrap_or_default().split("$(").skip(1);
            for name in used.filter_map(|rest| rest.split(')').next()) {
                if !above.contains(name) {
                    bail!("{name} isn't set above {}", variable["name"]);
                }
            }
            above.insert(word(&variable["name"])?);
        }
    }
    let shop = &objects("service.yaml")?[0]["spec"]["template"]["spec"]["containers"][0];
    assert!(settings(shop)["OTEL_RESOURCE_ATTRIBUTES"].starts_with("service.instance.id=$(POD_UID),"));
    Ok(())
}
