//! `cargo xtask stack up | status | down`.

use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use cachescope_harness::{Stack, Status, cache_folder};
use clap::Subcommand;

use crate::table;

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Action {
    /// Starts the parts, and first builds missing ones. They run until `down`.
    Up,
    /// Shows the pid and the addresses of each part; fails unless all parts run.
    Status,
    /// Stops the parts that `up` started.
    Down,
}

pub(crate) fn run(action: Action) -> Result<ExitCode> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache)?;
    let file = cache.join("stack.json");
    // Two of these commands at once would both find no stack.
    let lock = File::create(cache.join("stack.lock"))?;
    lock.lock().context("cannot lock the stack's state")?;
    match action {
        Action::Up => up(&file),
        Action::Status => status(&file),
        Action::Down => down(&file),
    }
}

fn up(file: &Path) -> Result<ExitCode> {
    if file.exists() {
        if let Ok(stack) = Stack::attach(file) {
            println!("already up");
            show(&stack);
            return Ok(ExitCode::SUCCESS);
        }
        // A part is gone, or the machine was restarted: stop the other parts.
        println!("the earlier stack doesn't run completely: starting again");
        down(file)?;
    }
    let begun = Instant::now();
    let stack = Stack::start_detached(file)?;
    println!("up in {:.1} s", begun.elapsed().as_secs_f64());
    show(&stack);
    Ok(ExitCode::SUCCESS)
}

fn status(file: &Path) -> Result<ExitCode> {
    if !file.exists() {
        println!("not up");
        return Ok(ExitCode::FAILURE);
    }
    let stack = Stack::read(file)?;
    show(&stack);
    let all = stack.status().iter().all(|part| part.running);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn down(file: &Path) -> Result<ExitCode> {
    if !file.exists() {
        println!("not up");
        return Ok(ExitCode::SUCCESS);
    }
    match Stack::read(file) {
        Ok(stack) => stack.stop()?,
        // An unreadable state file can't stop a stack, and keeps a new one from starting.
        Err(error) => {
            eprintln!("{error:#}; removing it");
            fs::remove_file(file)?;
        }
    }
    println!("down");
    Ok(ExitCode::SUCCESS)
}

fn show(stack: &Stack) {
    let mut table = table::plain(["part", "pid", "", "port", "address"]);
    let parts = stack.status();
    for part in &parts {
        let word = if part.running { "running" } else { "NOT RUNNING" };
        let mut head = [part.name.clone(), part.pid.to_string(), word.to_owned()];
        for (port, address) in &part.addresses {
            // The name and the pid are shown once per part.
            let head = std::mem::take(&mut head);
            table.add_row(head.into_iter().chain([port.clone(), address.clone()]));
        }
    }
    println!("{table}\n");
    for line in exports(&parts, stack.state_file()) {
        println!("{line}");
    }
}

/// The variables by which programs and tests use this stack. The state file may be of an older version with fewer parts.
fn exports(parts: &[Status], file: &Path) -> Vec<String> {
    let collector = parts.iter().find(|part| part.name == "collector").map(|part| &part.addresses);
    let otlp = collector.into_iter().flatten().find(|(port, _)| port == "otlp_http");
    let endpoint = otlp.map(|(_, address)| format!("export OTEL_EXPORTER_OTLP_ENDPOINT=http://{address}"));
    let protocol = "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf".to_owned();
    let stack = format!("export CACHESCOPE_STACK='{}'", file.display());
    endpoint.into_iter().chain([protocol, stack]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn exports_name_the_collector_and_the_state_file() {
        let port = |name: &str, address: &str| (name.to_owned(), address.to_owned());
        let part = |name: &str, addresses| Status {
            name: name.to_owned(),
            pid: 1,
            running: true,
            addresses,
            log: PathBuf::new(),
        };
        let parts = [
            part("jaeger", vec![port("otlp_http", "127.0.0.1:1")]),
            part("collector", vec![port("health", "127.0.0.1:2"), port("otlp_http", "127.0.0.1:3")]),
        ];
        let expected = [
            "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:3",
            "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
            "export CACHESCOPE_STACK='/cache/stack.json'",
        ];
        assert_eq!(exports(&parts, Path::new("/cache/stack.json")), expected);
    }
}
