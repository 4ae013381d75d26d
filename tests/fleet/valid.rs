//! The collector takes every configuration, alone or added to those it is for, and what several say they say alike.

use std::process::Command;

use cachescope_stack::otelcol;

use crate::config::{self, Config};

fn validate(configs: &[&Config]) -> anyhow::Result<()> {
    let output = Command::new(otelcol()?)
        .arg("validate")
        .args(configs.iter().map(|config| format!("--config={}", config.path.display())))
        // As SigV4 needs some.
        .envs([("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")])
        .output()?;
    let names: Vec<&str> = configs.iter().map(|config| &*config.name).collect();
    anyhow::ensure!(output.status.success(), "{names:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Whether the pipelines of `whole` have every connector from which those of `part` take.
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
    // What only changes pipelines fits where these are.
    let changed = part.pipelines()?.into_iter().filter(|(_, pipeline)| !pipeline.contains_key("exporters"));
    Ok(taken.iter().all(|connector| given.contains(connector))
        && changed.into_iter().all(|(name, _)| whole_has.contains_key(&name)))
}

#[test]
fn each_alone_and_each_addition_to_all_it_fits() -> anyhow::Result<()> {
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
        // All at once, as they set nothing that another sets: but for the list of extensions, of which the last holds.
        validate(&all)?;
    }
    let names = |configs: &[&Config]| configs.iter().map(|config| config.name.clone()).collect::<Vec<_>>();
    println!("{:?} with {:?}: {fitting} pairs", names(&wholes), names(&parts));
    // Each gateway with every addition, and the front of several with one.
    assert_eq!(fitting, 2 * parts.len() + 1);
    Ok(())
}

#[test]
fn a_wrong_one_is_refused() -> anyhow::Result<()> {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    std::fs::write(
        file.path(),
        config::text("gateway.yaml")?.replace("memory_limiter, batch", "memory_limiter, bitch"),
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
fn whole_ones_take_guard_and_show_alike() -> anyhow::Result<()> {
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
fn each_says_when_to_use_it_what_it_guarantees_and_what_it_loses() -> anyhow::Result<()> {
    for config in config::all()? {
        let comment = |line: &&str| line.starts_with('#');
        let head: String = config.text.lines().take_while(comment).flat_map(|line| [line, "\n"]).collect();
        for word in ["\n# When:", "\n# Guarantees", "\n# Loses"] {
            assert!(head.contains(word), "{}: no {word:?} in its head", config.name);
        }
    }
    Ok(())
}
