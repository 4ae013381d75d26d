//! The collector's configurations, with their variables and their image.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cachescope_harness::otelcol;
use serde_json::Value;

use crate::files;

/// The public image of the version that the manifest builds.
pub(crate) fn image() -> Result<String> {
    let manifest: Value = files::yaml("manifest.yaml")?;
    let built = manifest["receivers"][0]["gomod"].as_str().context("no receiver")?;
    let (_, version) = built.rsplit_once(" v").with_context(|| format!("{built} has no version"))?;
    Ok(format!("otel/opentelemetry-collector-contrib:{version}"))
}

/// The variables that a configuration reads, with their defaults.
pub(crate) fn variables(config: &str) -> Result<BTreeMap<String, String>> {
    let text = files::text(config)?;
    let read = text.split("${env:").skip(1).filter_map(|rest| rest.split_once('}'));
    let with_default = |(variable, _): (&str, _)| {
        let (name, default) = variable.split_once(":-").unwrap_or((variable, ""));
        (name.to_owned(), default.to_owned())
    };
    Ok(read.map(with_default).collect())
}

/// Makes the collector validate these configurations, merged, with these variables. A configuration must read each
/// variable of cachescope.
pub(crate) fn validate(configs: &[&str], settings: &BTreeMap<String, String>) -> Result<()> {
    let mut known = BTreeMap::new();
    for config in configs {
        known.extend(variables(config)?);
    }
    for (name, _) in settings.iter().filter(|(name, _)| name.starts_with("CACHESCOPE_")) {
        ensure!(known.contains_key(name), "none of {configs:?} reads {name}");
    }
    let paths = configs.iter().map(|config| format!("--config={}", files::folder().join(config).display()));
    let output = Command::new(otelcol()?).arg("validate").args(paths).envs(settings).output()?;
    ensure!(output.status.success(), "{configs:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The port of an address.
pub(crate) fn port(address: &str) -> Result<u16> {
    let (_, port) = address.rsplit_once(':').with_context(|| format!("{address} has no port"))?;
    port.parse().with_context(|| address.to_owned())
}
