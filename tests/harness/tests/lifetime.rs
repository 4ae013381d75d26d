//! The start and the end of a stack.

use std::net::TcpStream;
use std::time::Instant;

use anyhow::Result;
use cachescope_harness::{Stack, Status};

fn reachable(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

/// The addresses that accept connections; StatsD lines come in datagrams.
fn addresses(parts: &[Status]) -> Vec<&str> {
    let all = parts.iter().flat_map(|part| &part.addresses);
    all.filter(|(port, _)| port != "statsd").map(|(_, address)| address.as_str()).collect()
}

#[test]
fn dropped_stack_leaves_no_process_no_port_and_no_file() -> Result<()> {
    let begun = Instant::now();
    let stack = Stack::start()?;
    println!("started in {:?}", begun.elapsed());
    let parts = stack.status();
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["jaeger", "prometheus", "redis", "postgres", "mariadb", "mongodb", "collector"]);
    assert!(parts.iter().all(|part| part.running));
    assert!(addresses(&parts).into_iter().all(reachable));
    let file = stack.state_file().to_owned();

    let begun = Instant::now();
    drop(stack);
    println!("stopped in {:?}", begun.elapsed());
    assert!(!addresses(&parts).into_iter().any(reachable));
    assert!(parts.iter().all(|part| !std::path::Path::new(&format!("/proc/{}", part.pid)).exists()));
    assert!(!file.exists() && parts.iter().all(|part| !part.log.exists()));
    Ok(())
}

#[test]
fn detached_stack_keeps_running_until_it_is_stopped() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("stack.json");
    // In a folder of this test: if the test fails, the file is removed, and the next start stops the parts.
    drop(Stack::start_detached(&file)?);
    let attached = Stack::attach(&file)?;
    attached.prometheus().query("1")?;
    for url in [attached.redis(), attached.postgres(), attached.mariadb(), attached.mongodb()] {
        let known = addresses(&attached.status()).into_iter().any(|address| url.contains(address));
        assert!(known, "{url} is no part's");
    }
    drop(attached);
    let stack = Stack::read(&file)?;
    let parts = stack.status();
    assert!(parts.iter().all(|part| part.running), "attaching and dropping stops nothing: {parts:?}");
    stack.stop()?;
    assert!(!file.exists() && !addresses(&parts).into_iter().any(reachable));
    Ok(())
}
