//! Runs the quickstart as a user does, and checks its figures.

#[path = "../../program.rs"]
mod program;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use program::program;
use serde_json::Value;

/// A running quickstart.
struct Quickstart {
    child: Child,
    live: Lines<BufReader<ChildStderr>>,
    _database: tempfile::TempDir,
}

impl Quickstart {
    fn start(arguments: &[&str]) -> Result<Self> {
        let database = tempfile::tempdir()?;
        let mut child = Command::new(program("quickstart")?)
            .args(["--json", "--port", "0", "--database"])
            .arg(database.path().join("quickstart.sqlite"))
            .args(arguments)
            // Without the OTEL_* variables of the environment that runs the tests.
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let live = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        Ok(Self { child, live, _database: database })
    }

    /// Returns the first result of `wanted` over the next lines of live output.
    fn next_line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.live
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| wanted(&line))
            .context("the output ended before the expected line")
    }

    /// Returns the JSON of the last line.
    fn summary(self) -> Result<Value> {
        self.live.map_while(Result::ok).for_each(drop);
        let output = self.child.wait_with_output()?;
        ensure!(output.status.success(), "{}", output.status);
        let stdout = String::from_utf8(output.stdout)?;
        Ok(serde_json::from_str(stdout.lines().last().context("nothing on stdout")?)?)
    }
}

fn sum(counts: &Value) -> Option<u64> {
    counts.as_object()?.values().map(Value::as_u64).sum()
}

#[test]
fn summary_accounts_for_every_request() -> Result<()> {
    let mut quickstart = Quickstart::start(&["--for", "3s"])?;
    let metrics = quickstart.next_line(|line| Some(line.strip_prefix("metrics")?.trim().to_owned()))?;
    quickstart.next_line(|line| line.contains("hit rate").then_some(()))?;
    let page = tokio::runtime::Runtime::new()?.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build()?;
        http.get(&metrics).send().await?.error_for_status()?.text().await
    })?;
    let requests = |line: &str| line.starts_with("cachescope_requests_total{") && line.contains("\"product.by_id\"");
    assert!(page.lines().any(requests), "{page}");

    let summary = quickstart.summary()?;
    assert!(summary["requests"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["requests"].as_u64(), sum(&summary["results"]), "{summary}");
    let hit_rate = summary["hit_rate"].as_f64().context("no hit rate")?;
    assert!(0.0 < hit_rate && hit_rate < 1.0, "{summary}");
    assert!(sum(&summary["evictions"]) > Some(0), "{summary}");
    assert!(summary["waits"]["count"].as_u64() > Some(0), "{summary}");
    let first_number_after_ms = summary["first_number_after_ms"].as_u64().context("no first number")?;
    assert!(first_number_after_ms <= 3_000, "{summary}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn quickstart_prints_summary_when_terminated() -> Result<()> {
    let mut quickstart = Quickstart::start(&[])?;
    quickstart.next_line(|line| line.contains("hit rate").then_some(()))?;
    let signalled = Command::new("kill").arg(quickstart.child.id().to_string()).status()?;
    assert!(signalled.success());
    let summary = quickstart.summary()?;
    assert_eq!(summary["requests"].as_u64(), sum(&summary["results"]), "{summary}");
    Ok(())
}
