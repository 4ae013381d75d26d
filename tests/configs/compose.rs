//! `compose.yaml` has the files, versions, ports and variables that are tested.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cachescope_harness::promtool;
use serde::Deserialize;
use serde_json::Value;

use crate::{collector, files};

const GATEWAYS: [&str; 2] = ["gateway.yaml", "gateway-aggregate.yaml"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    #[expect(dead_code, reason = "what the containers are called")]
    name: String,
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    ports: Vec<String>,
    network_mode: Option<String>,
    #[serde(default)]
    depends_on: Vec<String>,
}

fn compose() -> Result<Compose> {
    files::yaml("compose.yaml")
}

impl Compose {
    fn service(&self, name: &str) -> Result<&Service> {
        self.services.get(name).with_context(|| format!("no service {name}"))
    }
}

impl Service {
    /// The value of a flag of its command.
    fn flag(&self, name: &str) -> Result<&str> {
        let set = self.command.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        set.with_context(|| format!("{name} isn't set"))
    }

    /// The file of `collector-config/` that is mounted at a path of the container.
    fn mounted(&self, path: &str) -> Result<String> {
        let within = |volume: &String| {
            let (source, target) = volume.strip_suffix(":ro")?.split_once(':')?;
            Some(format!("{source}{}", path.strip_prefix(target)?))
        };
        self.volumes.iter().find_map(within).with_context(|| format!("{path} isn't mounted"))
    }
}

/// The version of a Go module that a part of the harness is built from.
fn built(part: &str, module: &str) -> Result<String> {
    let path = files::folder().join("../tests/harness/parts").join(part).join("go.mod");
    let text = std::fs::read_to_string(path)?;
    let version = text
        .lines()
        .find_map(|line| line.trim_start_matches("require").trim().strip_prefix(module)?.strip_prefix(" v"));
    Ok(version.with_context(|| format!("{module} isn't built"))?.trim().to_owned())
}

#[test]
fn images_have_the_tested_versions() -> Result<()> {
    let compose = compose()?;
    assert_eq!(compose.service("collector")?.image, collector::image()?);
    let jaeger = built("jaeger", "github.com/jaegertracing/jaeger")?;
    assert_eq!(compose.service("jaeger")?.image, format!("jaegertracing/all-in-one:{jaeger}"));
    // The Go module of version 3.16.0 is 0.316.0.
    let prometheus = built("prometheus", "github.com/prometheus/prometheus")?.replacen("0.3", "3.", 1);
    assert_eq!(compose.service("prometheus")?.image, format!("prom/prometheus:v{prometheus}"));
    for (name, service) in &compose.services {
        let tag = service.image.rsplit_once(':').map_or("", |(_, tag)| tag).trim_start_matches('v');
        assert!(tag.split('.').count() == 3 && tag.split('.').all(|part| part.parse::<u32>().is_ok()), "{name}: {tag}");
    }
    Ok(())
}

#[test]
fn mounted_files_exist() -> Result<()> {
    let compose = compose()?;
    for service in compose.services.values() {
        for volume in &service.volumes {
            let source = volume.split(':').next().context("an empty volume")?;
            let is_there = compose.volumes.contains_key(source) || files::folder().join(source).exists();
            assert!(is_there, "{volume}: there is no {source}");
            assert!(compose.volumes.contains_key(source) || volume.ends_with(":ro"), "{volume} may be written to");
        }
        for other in &service.depends_on {
            compose.service(other)?;
        }
    }
    Ok(())
}

#[test]
fn collector_accepts_both_gateways_with_the_variables() -> Result<()> {
    let compose = compose()?;
    let collector = compose.service("collector")?;
    let config = collector.mounted(collector.flag("--config")?)?;
    for gateway in GATEWAYS {
        let named = config.replace("${CACHESCOPE_CONFIG:-gateway.yaml}", gateway);
        assert_eq!(named, format!("./{gateway}"));
        let read = collector::variables(gateway)?;
        // Only one of the two accepts StatsD lines.
        let settings = collector.environment.clone();
        let settings = settings.into_iter().filter(|(name, _)| read.contains_key(name) || gateway == GATEWAYS[0]);
        collector::validate(&[gateway], &settings.collect())?;
        for (name, address) in collector.environment.iter().filter(|(name, _)| read.contains_key(*name)) {
            assert_eq!(collector::port(address)?, collector::port(&read[name])?, "{name}");
        }
    }
    Ok(())
}

#[test]
fn addresses_are_the_defaults_on_the_shared_loopback() -> Result<()> {
    let compose = compose()?;
    for name in ["prometheus", "jaeger", "grafana"] {
        assert_eq!(compose.service(name)?.network_mode.as_deref(), Some("service:collector"), "{name}");
        assert!(compose.service(name)?.ports.is_empty(), "{name}: ports are the network's, which is the collector's");
    }
    let prometheus: Value = files::yaml("prometheus.yaml")?;
    let scraped = |job: usize| prometheus["scrape_configs"][job]["static_configs"][0]["targets"][0].as_str();
    for gateway in GATEWAYS {
        let read = collector::variables(gateway)?;
        let read_default = |name: &str| read.get(name).with_context(|| format!("{gateway} doesn't read {name}"));
        assert_eq!(scraped(0), Some(read_default("CACHESCOPE_METRICS")?.as_str()));
        let own = format!("{}:{}", read_default("CACHESCOPE_SELF_HOST")?, read_default("CACHESCOPE_SELF_PORT")?);
        assert_eq!(scraped(1), Some(own.as_str()));
        let taken = compose.service("jaeger")?.flag("--collector.otlp.grpc.host-port")?;
        assert_eq!(taken, read_default("CACHESCOPE_TRACES")?);
    }
    let checked =
        Command::new(promtool()?).args(["check", "config"]).arg(files::folder().join("prometheus.yaml")).output()?;
    ensure!(
        checked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
    let prometheus = compose.service("prometheus")?;
    assert_eq!(prometheus.mounted(prometheus.flag("--config.file")?)?, "./prometheus.yaml");
    Ok(())
}

#[test]
fn only_needed_ports_are_published_and_only_on_loopback() -> Result<()> {
    let compose = compose()?;
    let collector = compose.service("collector")?;
    let mut reachable = BTreeSet::new();
    for (name, address) in &collector.environment {
        let port = collector::port(address)?;
        assert!(address.starts_with("0.0.0.0:"), "{name}: what is published has to listen to more than loopback");
        reachable.insert(if name == "CACHESCOPE_STATSD" { format!("{port}/udp") } else { port.to_string() });
    }
    // The pages of Grafana, Prometheus and Jaeger, with the defaults of these programs.
    reachable.extend(["3000", "9090", "16686"].map(str::to_owned));
    let published = collector.ports.iter().map(|published| {
        let port = published.strip_prefix("127.0.0.1:").with_context(|| format!("{published} isn't loopback's"))?;
        let (outside, inside) = port.split_once(':').with_context(|| published.clone())?;
        ensure!(Some(outside) == inside.split('/').next(), "{published}: another port outside");
        Ok(inside.to_owned())
    });
    assert_eq!(published.collect::<Result<BTreeSet<_>>>()?, reachable);
    assert!(compose.service("redis")?.ports.iter().all(|port| port.starts_with("127.0.0.1:")));
    Ok(())
}

/// Grafana's provisioning files of a kind, with the variables of its container filled in.
fn provisioned(grafana: &Service, kind: &str, read: &mut BTreeSet<String>) -> Result<Vec<Value>> {
    let folder = files::folder().join(grafana.mounted("/etc/grafana/provisioning")?).join(kind);
    let mut found = Vec::new();
    for file in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let mut text = std::fs::read_to_string(file?.path())?;
        for (name, value) in &grafana.environment {
            let place = format!("${{{name}}}");
            if text.contains(&place) {
                read.insert(name.clone());
                text = text.replace(&place, value);
            }
        }
        ensure!(!text.contains("${"), "a variable isn't set: {text}");
        found.push(serde_saphyr::from_str(&text)?);
    }
    ensure!(!found.is_empty(), "no {kind}");
    Ok(found)
}

#[test]
fn grafana_finds_its_dashboards_and_data_sources() -> Result<()> {
    let compose = compose()?;
    let grafana = compose.service("grafana")?;
    let mut read = BTreeSet::new();
    for content in provisioned(grafana, "dashboards", &mut read)? {
        for provider in content["providers"].as_array().context("no providers")? {
            let folder = provider["options"]["path"].as_str().context("no path")?;
            let folder = files::folder().join(grafana.mounted(folder)?);
            let are_there = std::fs::read_dir(&folder)?.any(|file| {
                file.is_ok_and(|file| file.path().extension().is_some_and(|extension| extension == "json"))
            });
            assert!(are_there, "no dashboard in {}", folder.display());
        }
    }
    let pages = BTreeMap::from([("prometheus", "http://127.0.0.1:9090"), ("jaeger", "http://127.0.0.1:16686")]);
    for content in provisioned(grafana, "datasources", &mut read)? {
        for source in content["datasources"].as_array().context("no datasources")? {
            let page = source["type"].as_str().and_then(|kind| pages.get(kind)).context("not started here")?;
            assert_eq!(source["url"], *page);
        }
    }
    assert_eq!(read, grafana.environment.keys().cloned().collect(), "set, and read");
    Ok(())
}
