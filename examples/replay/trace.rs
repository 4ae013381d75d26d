//! Reads a trace request by request.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::format::Format;
use crate::key::Key;
use crate::layout::{Layout, Requests};
use crate::lines::Lines;
use crate::source;
use crate::timeline::Timeline;

/// The number of requests in a batch: enough that reading the wall clock doesn't affect the measured cost, and few
/// enough to stay in the processor's cache.
const BATCH: usize = 4096;

/// An open trace.
pub(crate) struct Trace {
    lines: Lines,
    layout: Layout,
    /// The format, for error messages.
    read_as: String,
    /// The requests of the current line that aren't in a batch yet.
    pending: Requests,
    timeline: Timeline,
}

/// A request, and the time to advance the clock by before it.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) key: Key,
    pub(crate) after: Duration,
}

impl Trace {
    /// Opens the file, or standard input.
    pub(crate) fn open(path: &Path, format: Option<Format>, timeline: Timeline) -> anyhow::Result<Self> {
        let mut lines = Lines::new(source::open(path)?);
        let first = lines.next()?.context("the trace is empty: expected one request on each line")?.to_owned();
        let detected = if format.is_none() { "; --format overrides this" } else { "" };
        let format = format.map_or_else(|| Format::detect(path, &first), Ok);
        let format = format.with_context(|| format!("line {}", lines.number()))?;
        let read_as = format!("read as {format}{detected}");
        let at_first = |error: anyhow::Error| error.context(format!("line {} ({read_as})", lines.number()));
        let (layout, is_header) = Layout::new(format, &first).map_err(at_first)?;
        let none = Requests { first: Key::from_number(0), keys: 0, at: None };
        let pending = if is_header { none } else { layout.parse(&first).map_err(at_first)? };
        Ok(Self { lines, layout, read_as, pending, timeline })
    }

    /// Returns whether requests have sizes.
    pub(crate) const fn has_sizes(&self) -> bool {
        self.layout.has_sizes()
    }

    /// Returns the time from the first request to the last one that was read.
    pub(crate) const fn lasts(&self) -> Duration {
        self.timeline.lasts()
    }

    /// Reads the next requests into `batch`, which must be empty. At the end of the trace `batch` stays empty.
    pub(crate) fn read(&mut self, batch: &mut Vec<Access>) -> anyhow::Result<()> {
        while batch.len() < BATCH {
            let Some(rest) = self.pending.keys.checked_sub(1) else {
                let Some(line) = self.lines.next()? else { break };
                let requests = self.layout.parse(line);
                self.pending = requests.with_context(|| format!("line {} ({})", self.lines.number(), self.read_as))?;
                continue;
            };
            let following = if rest > 0 { self.pending.first.after(1) } else { Key::from_number(0) };
            let key = std::mem::replace(&mut self.pending.first, following);
            self.pending.keys = rest;
            batch.push(Access { key, after: self.timeline.until(self.pending.at) });
        }
        Ok(())
    }
}
