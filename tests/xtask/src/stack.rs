//! `cargo xtask stack up | status | down`.

use std::fs::{self, File};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use cachescope_stack::{Stack, Status, cache_folder};
use clap::Subcommand;

use crate::table;

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Action {
    /// Start the parts, building those this machine never built; they stay until `down`.
    Up,
    /// Show each part's pid and addresses; fails unless all of them run.
    Status,
    /// Stop the parts that `up` started.
    Down,
}

pub(crate) fn run(action: Action) -> Result<ExitCode> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache)?;
    let file = cache.join("stack.json");
    // Two of these at once would both find nothing running.
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
        // Some part is gone, or the machine was restarted: the rest would only be in the way.
        println!("not all of the earlier stack runs: starting anew");
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
        // Nothing can be stopped by a file nobody can read, and nothing started while it is there.
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
            // Once per part is enough for the eye.
            let head = std::mem::take(&mut head);
            table.add_row(head.into_iter().chain([port.clone(), address.clone()]));
        }
    }
    println!("{table}\n");
    for line in exports(&parts, stack.state_file()) {
        println!("{line}");
    }
}

/// What a shell needs for a program or a test to use this stack. From the addresses in the file, which may be that of
/// an older version with fewer parts.
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
    fn the_lines_to_paste_name_the_collector_and_the_state() {
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
