//! A process that persists the metrics of its cache and keeps a journal: one byte before and one byte after every request.
//! The journal is complete also if the process is killed.
//!
//! `journal METRICS JOURNAL REQUESTS`: writes its stats in a line of JSON at the start, and another line after a few saves.
//! Ends after `REQUESTS` requests of each thread, and loses nothing then.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use cachescope::cached;
use cachescope::metrics::{MetricsFile, MetricsStore, Persistence};
use futures_util::FutureExt;

/// The requests for each key: a miss, then hits.
const A_KEY: u64 = 4;
const THREADS: u64 = 2;
/// The saves after which the parent may kill this process.
const SAVES: u32 = 3;

#[derive(Clone, Debug)]
struct Journal(Arc<File>);

impl Journal {
    fn note(&self, what: u8) {
        // An append of one byte is atomic, also with other writers.
        (&*self.0).write_all(&[what]).expect("the journal can be written");
    }
}

/// A file of metrics that adds every save to the journal.
#[derive(Debug)]
struct Journaled {
    file: MetricsFile,
    journal: Journal,
    saves: Arc<AtomicU32>,
}

impl MetricsStore for Journaled {
    fn open(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.file.open()
    }

    fn save(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.save(bytes)?;
        self.journal.note(b'S');
        if self.saves.fetch_add(1, Ordering::Relaxed) == SAVES {
            println!("saved");
        }
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<String> {
        self.file.set_aside()
    }
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).init();
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().context("journal METRICS JOURNAL REQUESTS");
    let (metrics, journal, requests) = (argument()?, argument()?, argument()?.parse::<u64>()?);
    let journal = Journal(Arc::new(OpenOptions::new().create(true).append(true).open(journal)?));
    let saves = Arc::new(AtomicU32::new(0));
    let store = Journaled { file: MetricsFile::new(metrics), journal: journal.clone(), saves };
    let cache = cached("kept", |key: (u64, u64)| async move { key.1 })
        .persist_metrics(Persistence::in_store(store).every(Duration::from_millis(10)))
        .build();
    println!("{}", serde_json::to_string(&cache.metrics().stats())?);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (cache, journal) = (&cache, &journal);
            scope.spawn(move || {
                for request in 0..requests {
                    // Lower case after the request.
                    let (before, after) = if request % A_KEY == 0 { (b'M', b'm') } else { (b'H', b'h') };
                    journal.note(before);
                    cache.call((number, request / A_KEY)).now_or_never().expect("loads are ready");
                    journal.note(after);
                }
            });
        }
    });
    cache.close().now_or_never().context("nothing runs in the background")?;
    Ok(())
}
