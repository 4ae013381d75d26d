//! Draws the figures: a table that is repainted on a terminal, one line a second anywhere else.

use std::io;
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use console::Term;

use crate::figures::{Figures, Timing};

/// A terminal, or the file or pipe that replaces it.
#[derive(Debug)]
pub(crate) struct Screen {
    term: Term,
    started: Instant,
    /// The number of lines of the table on the terminal. The next table overwrites them.
    painted: usize,
}

impl Screen {
    /// Creates a screen on `term`, for a program that started at `started`.
    pub(crate) fn new(term: Term, started: Instant) -> Self {
        Self { term, started, painted: 0 }
    }

    /// Writes a line of text.
    pub(crate) fn write_line(&self, text: &str) -> io::Result<()> {
        self.term.write_line(text)
    }

    /// Shows `figures`; returns the time since the program started.
    pub(crate) fn update(&mut self, figures: &Figures) -> io::Result<Duration> {
        let age = self.started.elapsed();
        if self.term.is_term() {
            self.paint(figures, age)?
        } else {
            self.write_line(&line(figures, age))?
        }
        Ok(age)
    }

    /// Shows the last figures, always as a table.
    pub(crate) fn finish(&mut self, figures: &Figures) -> io::Result<()> {
        if self.term.is_term() {
            // The terminal has echoed `^C`.
            self.term.clear_line()?;
        }
        self.paint(figures, self.started.elapsed())
    }

    fn paint(&mut self, figures: &Figures, age: Duration) -> io::Result<()> {
        let table = table(figures, age).to_string();
        self.term.clear_last_lines(self.painted)?;
        self.painted = table.lines().count();
        self.write_line(&table)
    }
}

fn table(figures: &Figures, age: Duration) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([&format!("{age:.0?}"), "count", "p50", "p99"]);
    table.add_row(["requests", &figures.requests.to_string()]);
    table.add_row(["hit rate", &percent(figures.hit_rate)]);
    for (name, timing) in [("hits", &figures.hits), ("loads", &figures.loads), ("waits", &figures.waits)] {
        let Timing { count, p50, p99 } = timing;
        table.add_row([name, &count.to_string(), &short(*p50), &short(*p99)]);
    }
    table.add_row(["entries", &figures.entries.to_string()]);
    table.add_row(["evictions", &figures.evictions.values().sum::<u64>().to_string()]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn line(figures: &Figures, age: Duration) -> String {
    let timed = |timing: &Timing| format!("p50 {} p99 {}", short(timing.p50), short(timing.p99));
    format!(
        "{age:.0?}: {} requests, hit rate {}, hits {}, loads {}, {} waits, {} entries",
        figures.requests,
        percent(figures.hit_rate),
        timed(&figures.hits),
        timed(&figures.loads),
        figures.waits.count,
        figures.entries,
    )
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", share * 100.0))
}

fn short(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "-".to_owned(), |duration| format!("{duration:.1?}"))
}
