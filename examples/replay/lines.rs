//! A text, line by line.

use std::io::{BufRead, Read as _};

use anyhow::{Context as _, ensure};

/// Longer lines aren't those of a trace: they would be read into memory until there is no more.
const LONGEST: usize = 1 << 16;

pub(crate) struct Lines {
    text: Box<dyn BufRead>,
    number: u64,
    line: Vec<u8>,
}

impl Lines {
    pub(crate) const fn of(text: Box<dyn BufRead>) -> Self {
        Self { text, number: 0, line: Vec::new() }
    }

    /// The next line that isn't empty, without what surrounds it. The first may begin with a mark of its encoding.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<&str>> {
        loop {
            self.number += 1;
            self.line.clear();
            let mut line = self.text.by_ref().take(LONGEST as u64 + 1);
            let number = self.number;
            let read =
                line.read_until(b'\n', &mut self.line).with_context(|| format!("line {number} can't be read"))?;
            if read == 0 {
                return Ok(None);
            }
            ensure!(read <= LONGEST, "line {number} is longer than {LONGEST} bytes: is this a trace?");
            if self.line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                break;
            }
        }
        let text = std::str::from_utf8(&self.line);
        let text = text.with_context(|| format!("line {} isn't text in UTF-8", self.number))?;
        Ok(Some(text.trim_start_matches('\u{feff}').trim()))
    }

    /// Of the line that was read last, from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }
}
