//! Runs the replay of traces as a user does: it reads each format and counts every request.

#[path = "../../program.rs"]
mod program;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use program::program;
use serde_json::Value;
use tempfile::TempDir;

/// A temporary folder with traces.
struct Traces(TempDir);

impl Traces {
    fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    }
}

fn run(trace: &Path, arguments: &[&str], input: &[u8]) -> Result<Output> {
    let mut command = Command::new(program("replay")?);
    command.arg(trace).args(arguments).env_remove("RUST_BACKTRACE");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // A program that doesn't read its input may have ended by now.
    let _ = child.stdin.take().context("no stdin")?.write_all(input);
    Ok(child.wait_with_output()?)
}

/// Returns the JSON of a successful run.
fn replay(trace: &Path, arguments: &[&str]) -> Result<Value> {
    json(&run(trace, &[&["--json"], arguments].concat(), &[])?)
}

fn json(output: &Output) -> Result<Value> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = std::str::from_utf8(&output.stdout)?;
    ensure!(stdout.lines().count() == 1, "one line: {stdout}");
    Ok(serde_json::from_str(stdout)?)
}

/// Returns the error of a run that fails.
fn refused(trace: &Path, arguments: &[&str]) -> Result<String> {
    let output = run(trace, arguments, &[])?;
    ensure!(!output.status.success(), "{} should be refused", trace.display());
    Ok(String::from_utf8(output.stderr)?)
}

/// The numbers of requests and hits.
fn counted(summary: &Value) -> Option<(u64, u64)> {
    Some((summary["requests"].as_u64()?, summary["hits"].as_u64()?))
}

#[test]
fn format_is_detected_from_content_or_name() -> Result<()> {
    let traces = Traces::new()?;
    for (name, text, expected) in [
        // 1 to 3, 2 to 3, 7, nothing.
        ("trace", "1 3 0 0\n2 2 0 1\n\n7 1 - -\n9 0 0 3", (6, 2)),
        ("numbers", "1\n2\r\n1\n  1  \n", (4, 2)),
        ("words", "user:1\nuser:2\nuser:1\n07\n7\n", (5, 1)),
        // The extension `.keys` makes a line with spaces one key.
        ("paths.keys", "GET /a b\nGET /a b\n1 2 3 4\n", (3, 1)),
        ("header", "size,key,other,time\n5,a,x,0\n5,b,x,1\n5,a,x,2\n", (3, 1)),
        ("marked", "\u{feff}key,time\na,0\na,1\n", (2, 1)),
        ("plain", "0,a,10\n1,a,10\n1.5,b,10\n", (3, 1)),
        ("short", "0,a\n1,a\n", (2, 1)),
        ("quoted", "time,key\n0,\"a,\"\"b\"\n1,\"a,\"\"b\"\n2,a\n", (3, 1)),
        ("one.csv", "key\na\na\n", (2, 1)),
    ] {
        let summary = replay(&traces.file(name, text)?, &["--capacity", "100"])?;
        assert_eq!(counted(&summary), Some(expected), "{name}: {summary}");
    }
    let numbers = traces.file("forced", "1 3 0 0\n1 3 0 0\n")?;
    assert_eq!(counted(&replay(&numbers, &["--capacity", "9", "--format", "keys"])?), Some((2, 1)));
    Ok(())
}

#[test]
fn compressed_traces_and_pipes_are_read() -> Result<()> {
    let traces = Traces::new()?;
    // More than any buffer.
    let text: String = (0..30_000).map(|request| format!("{request},key-{},1\n", request % 1_000)).collect();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes())?;
    let gzip = gzip.finish()?;
    let zstd = zstd::encode_all(text.as_bytes(), 1)?;
    let expected = Some((30_000, 29_000));
    for (name, bytes) in [("a.csv.gz", &gzip), ("a.csv.zst", &zstd), ("b", &gzip), ("c", &zstd)] {
        // Moka may reject a key on its first request, but not while it has free capacity.
        let summary = replay(&traces.file(name, bytes)?, &["--capacity", "10000"])?;
        assert_eq!(counted(&summary), expected, "{name}");
    }
    // Two concatenated files.
    let twice = traces.file("twice.gz", [gzip.clone(), gzip.clone()].concat())?;
    assert_eq!(counted(&replay(&twice, &["--capacity", "10000"])?), Some((60_000, 59_000)));
    let piped = run(Path::new("-"), &["--json", "--capacity", "10000", "--store", "quick-cache"], &zstd)?;
    assert_eq!(counted(&json(&piped)?), expected);
    let half = refused(&traces.file("half.gz", &gzip[..gzip.len() / 2])?, &["--capacity", "10"])?;
    assert!(half.contains("failed to read line"), "{half}");
    Ok(())
}

#[test]
fn error_names_bad_line_and_expected_content() -> Result<()> {
    let traces = Traces::new()?;
    for (name, text, wanted) in [
        ("arc", "1 3 0 0\n\nx 3 0 0\n", &["line 3", "read as arc", "`x 3 0 0`", "start count - -"][..]),
        ("arc", "1 3 0 0\n5\n", &["line 2", "start count - -"]),
        ("arc", "18446744073709551615 2 0 0\n", &["line 1", "start count - -"]),
        ("csv", "time,key\n0,a\nnoon,b\n", &["line 3", "read as csv", "`noon`", "seconds"]),
        ("csv", "time,key\n-1,a\n", &["line 2", "`-1`", "seconds"]),
        ("csv", "time,key,size\n0,a,1.5\n", &["line 2", "`1.5`", "bytes"]),
        ("csv", "time,key,size\n0,a\n", &["line 2", "2 columns", "`size` in column 3"]),
        ("csv", "time,key\n0,\n", &["line 2", "key is empty"]),
        ("csv", "key,time\n\"a,0\n", &["line 2", "quote"]),
        ("csv", "time,name\n0,a\n", &["line 1", "no column `key`"]),
        ("csv", "0,a,1,1\n", &["line 1", "4 columns and no header"]),
        ("what", "\nthis is a story\n", &["line 2", "this is a story", "--format"]),
        ("empty", "\n", &["empty"]),
        ("nothing", "1 0 0 0\n", &["has no requests"]),
        ("long", &"x".repeat(70_000), &["line 1", "65536 bytes"]),
    ] {
        let error = refused(&traces.file(name, text)?, &["--capacity", "10"])?;
        assert!(wanted.iter().all(|part| error.contains(part)), "{name}, {wanted:?}: {error}");
    }
    let binary = refused(&traces.file("binary.keys", [b'a', b'\n', 0xff, b'\n'])?, &["--capacity", "10"])?;
    assert!(binary.contains("line 2") && binary.contains("UTF-8"), "{binary}");
    let missing = refused(Path::new("nowhere.lis"), &["--capacity", "10"])?;
    assert!(missing.contains("nowhere.lis"), "{missing}");
    Ok(())
}

#[test]
fn ttl_uses_time_of_trace() -> Result<()> {
    let traces = Traces::new()?;
    // Loaded at 0, 3 and 6 ms.
    let paced = traces.file("paced", "1\n".repeat(9))?;
    let summary = replay(&paced, &["--capacity", "10", "--ttl", "2500us"])?;
    assert_eq!(counted(&summary), Some((9, 6)));
    assert_eq!(summary["trace_seconds"], 0.008);
    let summary = replay(&paced, &["--capacity", "10", "--ttl", "2500us", "--pace", "1s"])?;
    assert_eq!(counted(&summary), Some((9, 0)));
    // Seconds since 1970. A request with an earlier time doesn't move the clock.
    let timed = traces.file("timed", "time,key\n1700000000.5,a\n1700000002,a\n1699999000,a\n1700000002.6,a\n")?;
    let summary = replay(&timed, &["--capacity", "10", "--ttl", "2s"])?;
    assert_eq!((counted(&summary), summary["ttl_seconds"].as_f64()), (Some((4, 2)), Some(2.0)));
    assert!((summary["trace_seconds"].as_f64().context("no time")? - 2.1).abs() < 1e-6, "{summary}");
    Ok(())
}

#[test]
fn byte_limit_uses_sizes_of_trace() -> Result<()> {
    let traces = Traces::new()?;
    let sized: String = (0..40_000).map(|request| format!("{request},{},100\n", request % 1_000)).collect();
    let sized = traces.file("sized.csv", sized)?;
    let summary = replay(&sized, &["--byte-limit", "200000"])?;
    assert_eq!((counted(&summary), summary["byte_limit"].as_u64()), (Some((40_000, 39_000)), Some(200_000)));
    let (_, hits) = counted(&replay(&sized, &["--byte-limit", "25000"])?).context("no counts")?;
    assert!(hits < 16_000, "the capacity is a quarter of the loop: {hits}");

    let plain = traces.file("plain", "1\n1\n")?;
    let error = refused(&plain, &["--byte-limit", "1000"])?;
    assert!(error.contains("column `size`"), "{error}");
    for arguments in [&[][..], &["--capacity", "0"], &["--capacity", "1", "--byte-limit", "1"], &["--ttl", "0s"]] {
        refused(&plain, arguments)?;
    }
    Ok(())
}

#[test]
fn check_replays_each_predicted_capacity() -> Result<()> {
    let traces = Traces::new()?;
    // A smaller key is requested more often.
    let keys: String = (0..20_000_u64).map(|n| format!("{}\n", n * n % 20_011 % (1 + n % 4_001))).collect();
    let trace = traces.file("keys", keys)?;
    let summary = replay(&trace, &["--capacity", "100", "--check", "--store", "quick-cache"])?;
    let curve = summary["curve"].as_array().context("no curve")?;
    assert_eq!(curve.len(), 6, "{summary}");
    let hit_rates: Vec<_> = curve.iter().filter_map(|point| point["real"].as_f64()).collect();
    assert!(hit_rates.len() == 6 && hit_rates.is_sorted(), "a larger capacity has more hits: {hit_rates:?}");
    assert!(curve.iter().all(|point| point["hit_rate"].is_f64() && point["capacity"].is_u64()));
    assert_eq!(curve[2]["real"], summary["hit_rate"]);
    for name in ["cost_ns_per_request", "seconds", "hit_rate"] {
        assert!(summary[name].as_f64() > Some(0.0), "{name}: {summary}");
    }

    let output = run(&trace, &["--capacity", "100", "--check", "--ttl", "20s", "--store", "quick-cache"], &[])?;
    let text = String::from_utf8(output.stdout)?;
    assert!(output.status.success() && text.contains("Predictions were off by"), "{text}");
    let error = refused(Path::new("-"), &["--capacity", "100", "--check"])?;
    assert!(error.contains("give a file"), "{error}");
    Ok(())
}
