//! Metrics over restarts: nothing is counted twice, nothing saved is lost, and damaged files are refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use cachescope::metrics::{Operation, Persistence};
use cachescope::{Cached, Stats, Window, cached};
use cachescope_tests::program::Program;
use cachescope_tests::sdk::{InMemory, Point};
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

const KILLS: usize = 50;

/// A run of the program `journal`.
struct Run {
    program: Program,
    /// Its stats at the start.
    stats: Stats,
}

impl Run {
    fn of(place: &Place, requests: u64) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_journal"));
        let program = Program::start(command.args([&place.metrics, &place.journal]).arg(requests.to_string()))?;
        let stats = serde_json::from_str(&program.line()?)?;
        Ok(Self { program, stats })
    }
}

struct Place {
    _folder: TempDir,
    metrics: PathBuf,
    journal: PathBuf,
}

impl Place {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name| folder.path().join(name);
        Ok(Self { metrics: at("kept.metrics"), journal: at("journal"), _folder: folder })
    }

    /// Reads the journal of a run and removes it.
    fn truth(&self) -> anyhow::Result<Truth> {
        let journal = fs::read(&self.journal)?;
        fs::remove_file(&self.journal)?;
        let saves: Vec<usize> = (0..journal.len()).filter(|at| journal[*at] == b'S').collect();
        // The last save in the journal began after the save before it had ended.
        let earlier = saves.len().checked_sub(2).map_or(0, |index| saves[index]);
        Ok(Truth {
            saved: Requests::in_journal(&journal[..earlier], [b'h', b'm']),
            ended: Requests::in_journal(&journal, [b'h', b'm']),
            begun: Requests::in_journal(&journal, [b'H', b'M']),
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Requests {
    hits: u64,
    misses: u64,
}

impl Requests {
    fn in_journal(journal: &[u8], [hit, miss]: [u8; 2]) -> Self {
        let count = |what: u8| journal.iter().filter(|byte| **byte == what).count() as u64;
        Self { hits: count(hit), misses: count(miss) }
    }

    fn counted(stats: &Stats) -> Self {
        Self { hits: stats.hits(), misses: stats.misses() }
    }

    fn plus(self, other: Self) -> Self {
        Self { hits: self.hits + other.hits, misses: self.misses + other.misses }
    }

    fn is_within(self, most: Self) -> bool {
        self.hits <= most.hits && self.misses <= most.misses
    }
}

/// The requests of a run that must have been saved, that ended, and that may have been counted.
#[derive(Debug)]
struct Truth {
    saved: Requests,
    ended: Requests,
    begun: Requests,
}

/// Checks that restored stats are consistent.
fn check(stats: &Stats) {
    let requests = Requests::counted(stats);
    assert_eq!((stats.requests(), stats.in_flight()), (requests.hits + requests.misses, 0));
    assert_eq!(stats.restored(), stats.requests());
    // The load of a request ends before the request.
    assert!(stats.load_duration().count() >= requests.misses);
    assert!(stats.operation(Operation::Put).count() >= requests.misses);
}

#[test]
fn metrics_lose_at_most_one_save_interval_and_count_nothing_twice_when_the_process_is_killed() -> anyhow::Result<()> {
    let (place, mut random) = (Place::new()?, StdRng::seed_from_u64(5));
    let (mut before, mut truth): (Requests, Option<Truth>) = (Requests::default(), None);
    let mut lost = 0;
    for kill in 0..=KILLS {
        let mut run = Run::of(&place, if kill == KILLS { 1_000 } else { u64::MAX })?;
        check(&run.stats);
        let restored = Requests::counted(&run.stats);
        if let Some(truth) = truth {
            let (least, most) = (before.plus(truth.saved), before.plus(truth.begun));
            assert!(least.is_within(restored), "{restored:?} restored, of at least {least:?} after {kill} kills");
            assert!(restored.is_within(most), "{restored:?} restored, of at most {most:?} after {kill} kills");
            assert!(truth.saved.misses > 0, "it ran under load");
            let ended = before.plus(truth.ended);
            lost += (ended.hits + ended.misses).saturating_sub(restored.hits + restored.misses);
        }
        before = restored;
        if kill < KILLS {
            run.program.line()?;
            // Kills it during a save or a request, at a random time.
            std::thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
            run.program.kill()?;
        } else {
            assert!(run.program.wait()?.success());
        }
        truth = Some(place.truth()?);
    }
    let truth = truth.expect("runs");
    assert_eq!(truth.ended, truth.begun);
    let last = Run::of(&place, 0)?;
    check(&last.stats);
    assert_eq!(Requests::counted(&last.stats), before.plus(truth.ended), "an orderly end loses nothing");
    println!("{KILLS} kills lost {lost} of {} requests", last.stats.requests());
    Ok(())
}

fn squares(path: &Path) -> Cached<u64, u64> {
    // No save happens during the test.
    let hourly = Persistence::in_file(path).every(Duration::from_secs(3_600));
    cached("kept.squares", |n: u64| async move { n * n }).persist_metrics(hourly).build()
}

/// A path at which a cache saved three misses and two hits.
fn kept() -> anyhow::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("squares.metrics");
    let cache = squares(&path);
    for n in [1, 2, 3, 3, 3] {
        cache.call(n).now_or_never().expect("loads are ready");
    }
    Ok((folder, path))
}

#[test]
fn truncated_file_is_renamed_aside_and_not_counted() -> anyhow::Result<()> {
    let (folder, path) = kept()?;
    let whole = fs::read(&path)?;
    let aside = folder.path().join("squares.metrics.unread-1");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length])?;
        let stats = squares(&path).metrics().stats();
        assert_eq!((stats.requests(), stats.restored()), (0, 0), "{length} bytes");
        let kept = fs::read(&aside).with_context(|| format!("{length} bytes weren't set aside"))?;
        assert_eq!(kept, &whole[..length]);
        fs::remove_file(&aside)?;
    }
    fs::write(&path, &whole)?;
    let cache = squares(&path);
    let stats = cache.metrics().stats();
    assert_eq!((stats.misses(), stats.hits(), stats.restored()), (3, 2, 5));
    assert!(!aside.exists());
    let day = cache.metrics().window(Window::Day);
    assert_eq!((day.misses(), day.hits(), day.restored()), (3, 2, 5));
    Ok(())
}

/// A child process has all files of its parent, also the locked ones, until it executes its own program.
#[test]
fn path_passes_from_cache_to_cache_while_processes_are_started() -> anyhow::Result<()> {
    const CACHES: u64 = 100;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("squares.metrics");
    let over = AtomicBool::new(false);
    let (restored, started) = std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            let mut started = 0;
            while !over.load(Ordering::Relaxed) {
                Command::new("true").status().expect("there is a program called true");
                started += 1;
            }
            started
        });
        let restored: Vec<u64> = (0..CACHES)
            .map(|n| {
                let cache = squares(&path);
                let restored = cache.metrics().stats().restored();
                cache.call(n).now_or_never().expect("loads are ready");
                restored
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        (restored, starting.join().expect("no panic"))
    });
    assert_eq!(restored, Vec::from_iter(0..CACHES));
    assert!(started > 0);
    Ok(())
}

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The lines that `act` logs.
fn logged(act: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = log.0.lock().expect("no panic").clone();
    String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn unusable_file_is_kept_and_logged_once() -> anyhow::Result<()> {
    let (folder, path) = kept()?;
    let future = String::from_utf8(fs::read(&path)?)?.replacen("cachescope-metrics 1", "cachescope-metrics 9", 1);
    let cases =
        [("version is 9", future.as_str()), ("no metrics of a cache", "diary"), ("damaged", "cachescope-metrics 1")];
    for (number, (why, bytes)) in cases.into_iter().enumerate() {
        fs::write(&path, bytes)?;
        let lines = logged(|| {
            let cache = squares(&path);
            assert_eq!(cache.metrics().stats().requests(), 0);
            cache.metrics().save().expect("from now on");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("WARN") && lines[0].contains(why), "{lines:?}");
        let aside = format!("squares.metrics.unread-{}", number + 1);
        assert!(lines[0].contains(&aside), "{lines:?}");
        assert_eq!(fs::read_to_string(folder.path().join(aside))?, bytes);
    }
    Ok(())
}

#[test]
fn second_process_on_a_path_warns_and_continues_the_counts_after_the_first_ends() -> anyhow::Result<()> {
    let place = Place::new()?;
    let mut first = Run::of(&place, u64::MAX)?;
    first.program.line()?;
    let mut built = None;
    let lines = logged(|| {
        let cache = cached("kept", |n: u64| async move { n }).persist_metrics(place.metrics.as_path()).build();
        cache.call(1).now_or_never().expect("loads are ready");
        let error = cache.metrics().save().expect_err("the first has it");
        assert!(error.to_string().contains("another cache, of this or another process, uses this file"), "{error}");
        built = Some(cache);
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("give each cache its own path"), "{lines:?}");
    let second = built.expect("not fatal");
    assert_eq!(second.metrics().stats().restored(), 0);
    first.program.kill()?;
    second.metrics().save()?;
    let stats = second.metrics().stats();
    let truth = place.truth()?;
    assert!(truth.saved.is_within(Requests::counted(&stats)) && stats.misses() > 1);
    assert_eq!(stats.requests(), stats.restored() + 1);
    assert_eq!(second.metrics().restored().map(|before| before.requests()), Some(stats.restored()));
    Ok(())
}

#[test]
fn unwritable_path_logs_one_warning_and_fails_no_request() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("file"), b"")?;
    let lines = logged(|| {
        let cache = squares(&folder.path().join("file").join("squares.metrics"));
        assert_eq!(cache.call(7).now_or_never(), Some(49));
        assert!(cache.metrics().save().is_err());
        cache.close().now_or_never().expect("nothing runs");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("failed to save metrics"), "{lines:?}");
    let refused = cached("kept.folder", |n: u64| async move { n }).persist_metrics(folder.path()).try_build();
    assert!(refused.expect_err("a folder").to_string().contains("must be that of a file"));
    let hasty = Persistence::in_file(folder.path().join("metrics")).every(Duration::ZERO);
    let refused = cached("kept.hasty", |n: u64| async move { n }).persist_metrics(hasty).try_build();
    assert!(refused.expect_err("no interval").to_string().contains("greater than zero"));
    Ok(())
}

#[test]
fn telemetry_begins_at_zero_and_reports_restored_counts_if_enabled() -> anyhow::Result<()> {
    let (_folder, path) = kept()?;
    for reported in [false, true] {
        let sdk = InMemory::default();
        let persistence = Persistence::in_file(&path);
        let persistence = if reported { persistence.export_restored() } else { persistence };
        let squares = cached("kept.squares", |n: u64| async move { n * n }).persist_metrics(persistence);
        let squares = squares.telemetry(sdk.telemetry()).build();
        squares.call(1).now_or_never().expect("loads are ready");
        let points = sdk.points()?;
        let value = |metric: &str, result: &str| {
            let of_result = |point: &&Point| point.attributes.get("cachescope.result").is_some_and(|of| of == result);
            points
                .iter()
                .filter(|point| point.metric == metric)
                .filter(of_result)
                .map(|point| point.value)
                .reduce(|all, one| all + one)
        };
        assert_eq!((value("cachescope.requests", "hit"), value("cachescope.requests", "miss")), (Some(0.0), Some(1.0)));
        let restored = ["hit", "miss", "stale"].map(|result| value("cachescope.requests.restored", result));
        // The second round includes the requests of the first.
        assert_eq!(restored, if reported { [Some(2.0), Some(4.0), Some(0.0)] } else { [None; 3] });
    }
    Ok(())
}
