//! A trace, request by request.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::format::Format;
use crate::key::Key;
use crate::layout::{Asked, Layout};
use crate::lines::Lines;
use crate::source;
use crate::timeline::Timeline;

/// Requests read at a time: so many that reading the time doesn't show in what they cost, so few that they stay in the
/// processor's cache.
const BATCH: usize = 4096;

pub(crate) struct Trace {
    lines: Lines,
    layout: Layout,
    /// How messages say how it is read.
    read_as: String,
    asked: Asked,
    timeline: Timeline,
}

/// The next request, and by how much the clock is moved before it.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) key: Key,
    pub(crate) after: Duration,
}

impl Trace {
    /// Opens the file, or standard input.
    pub(crate) fn open(path: &Path, format: Option<Format>, timeline: Timeline) -> anyhow::Result<Self> {
        let mut lines = Lines::of(source::open(path)?);
        let first = lines.next()?.context("the trace is empty: expected a request a line")?.to_owned();
        let detected = if format.is_none() { "; --format says otherwise" } else { "" };
        let format = format.map_or_else(|| Format::detect(path, &first), Ok);
        let format = format.with_context(|| format!("line {}", lines.number()))?;
        let read_as = format!("read as {format}{detected}");
        let at_first = |error: anyhow::Error| error.context(format!("line {} ({read_as})", lines.number()));
        let (layout, is_header) = Layout::of(format, &first).map_err(at_first)?;
        let nothing = Asked { first: Key::of_number(0), keys: 0, at: None };
        let asked = if is_header { nothing } else { layout.read(&first).map_err(at_first)? };
        Ok(Self { lines, layout, read_as, asked, timeline })
    }

    /// Whether it says how large what it asks for is.
    pub(crate) const fn has_sizes(&self) -> bool {
        self.layout.has_sizes()
    }

    /// From its first request to the last that was read.
    pub(crate) const fn lasts(&self) -> Duration {
        self.timeline.lasts()
    }

    /// Reads more requests into `batch`, which is empty; so it stays at the end.
    pub(crate) fn read(&mut self, batch: &mut Vec<Access>) -> anyhow::Result<()> {
        while batch.len() < BATCH {
            let Some(rest) = self.asked.keys.checked_sub(1) else {
                let Some(line) = self.lines.next()? else { break };
                let asked = self.layout.read(line);
                self.asked = asked.with_context(|| format!("line {} ({})", self.lines.number(), self.read_as))?;
                continue;
            };
            let following = if rest > 0 { self.asked.first.after(1) } else { Key::of_number(0) };
            let key = std::mem::replace(&mut self.asked.first, following);
            self.asked.keys = rest;
            batch.push(Access { key, after: self.timeline.until(self.asked.at) });
        }
        Ok(())
    }
}
