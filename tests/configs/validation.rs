//! The collector accepts every configuration, alone or merged with those that it extends. Common settings are the same.

use std::process::Command;

use cachescope_harness::otelcol;

use crate::config::{self, Config};
use crate::files;

fn validate(configs: &[&Config]) -> anyhow::Result<()> {
    let output = Command::new(otelcol()?)
        .arg("validate")
        .args(configs.iter().map(|config| format!("--config={}", config.path.display())))
        // SigV4 needs credentials.
        .envs([("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")])
        .output()?;
    let names: Vec<&str> = configs.iter().map(|config| &*config.name).collect();
    anyhow::ensure!(output.status.success(), "{names:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Whether `part` extends `whole`: `whole` feeds every connector that `part` reads from.
fn fits(part: &Config, whole: &Config) -> anyhow::Result<bool> {
    let (mut given, mut taken) = (Vec::new(), Vec::new());
    for pipeline in whole.pipelines()?.into_values() {
        given.extend(pipeline.get("exporters").into_iter().flatten().cloned());
    }
    for pipeline in part.pipelines()?.into_values() {
        let receivers = pipeline.get("receivers").into_iter().flatten();
        taken.extend(receivers.filter(|receiver| receiver.starts_with("forward/")).cloned());
    }
    let whole_has = whole.pipelines()?;
    // A part that only changes pipelines fits if `whole` has these pipelines.
    let changed = part.pipelines()?.into_iter().filter(|(_, pipeline)| !pipeline.contains_key("exporters"));
    Ok(taken.iter().all(|connector| given.contains(connector))
        && changed.into_iter().all(|(name, _)| whole_has.contains_key(&name)))
}

#[test]
fn collector_accepts_each_configuration_with_each_extension() -> anyhow::Result<()> {
    let configs = config::all()?;
    let (wholes, parts): (Vec<_>, Vec<_>) = configs.iter().partition(|config| config.is_whole());
    let mut fitting = 0;
    for whole in &wholes {
        validate(&[whole])?;
        let mut all = vec![*whole];
        for part in &parts {
            if fits(part, whole)? {
                validate(&[whole, part])?;
                all.push(part);
                fitting += 1;
            }
        }
        // All at once, as no two set the same, except the list of extensions, of which the last counts.
        validate(&all)?;
    }
    let names = |configs: &[&Config]| configs.iter().map(|config| config.name.clone()).collect::<Vec<_>>();
    println!("{:?} with {:?}: {fitting} pairs", names(&wholes), names(&parts));
    // Each gateway with every extension, and the load balancer with one.
    assert_eq!(fitting, 2 * parts.len() + 1);
    Ok(())
}

#[test]
fn wrong_configuration_is_refused() -> anyhow::Result<()> {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    std::fs::write(
        file.path(),
        files::text("gateway.yaml")?.replace("memory_limiter, batch", "memory_limiter, bitch"),
    )?;
    let wrong = Config {
        name: "wrong".to_owned(),
        path: file.path().to_owned(),
        text: String::new(),
        content: serde_json::Value::Null,
    };
    assert!(format!("{:#}", validate(&[&wrong]).unwrap_err()).contains("bitch"));
    Ok(())
}

#[test]
fn complete_configurations_have_the_same_receivers_limits_and_telemetry() -> anyhow::Result<()> {
    let configs = config::all()?;
    let mut wholes = configs.iter().filter(|config| config.is_whole());
    let first = wholes.next().expect("there is one");
    for other in wholes {
        for path in [
            "/receivers/otlp",
            "/processors/memory_limiter",
            "/extensions/health_check",
            "/service/telemetry",
            "/service/extensions/0",
        ] {
            let (one, another) = (first.content.pointer(path), other.content.pointer(path));
            assert!(one.is_some() && one == another, "{path} of {} and {}", first.name, other.name);
        }
    }
    for config in configs.iter().filter(|config| config.is_whole()) {
        let guarded = |pipeline: &std::collections::BTreeMap<String, Vec<String>>| {
            let from_outside = pipeline["receivers"].iter().any(|receiver| !receiver.starts_with("forward/"));
            !from_outside
                || pipeline.get("processors").and_then(|all| all.first()).is_some_and(|one| one == "memory_limiter")
        };
        assert!(config.pipelines()?.values().all(guarded), "{}: a receiver before any memory_limiter", config.name);
    }
    Ok(())
}

#[test]
fn configurations_document_their_use_guarantees_and_losses() -> anyhow::Result<()> {
    for config in config::all()? {
        let comment = |line: &&str| line.starts_with('#');
        let head: String = config.text.lines().take_while(comment).flat_map(|line| [line, "\n"]).collect();
        for word in ["\n# When:", "\n# Guarantees", "\n# Loses"] {
            assert!(head.contains(word), "{}: no {word:?} in its head", config.name);
        }
    }
    Ok(())
}
