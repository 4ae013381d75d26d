//! Reads a text line by line.

use std::io::{BufRead, Read as _};

use anyhow::{Context as _, ensure};

/// The maximum length of a line. A longer line isn't part of a trace, and would fill the memory.
const LONGEST: usize = 1 << 16;

pub(crate) struct Lines {
    text: Box<dyn BufRead>,
    number: u64,
    line: Vec<u8>,
}

impl Lines {
    pub(crate) const fn new(text: Box<dyn BufRead>) -> Self {
        Self { text, number: 0, line: Vec::new() }
    }

    /// Returns the next line that isn't empty, without surrounding whitespace. Skips a byte order mark.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<&str>> {
        loop {
            self.number += 1;
            self.line.clear();
            let mut line = self.text.by_ref().take(LONGEST as u64 + 1);
            let number = self.number;
            let read =
                line.read_until(b'\n', &mut self.line).with_context(|| format!("failed to read line {number}"))?;
            if read == 0 {
                return Ok(None);
            }
            ensure!(
                read <= LONGEST,
                "a line must be at most {LONGEST} bytes, line {number} is longer: is this a trace?"
            );
            if self.line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                break;
            }
        }
        let text = std::str::from_utf8(&self.line);
        let text = text.with_context(|| format!("line {} must be UTF-8", self.number))?;
        Ok(Some(text.trim_start_matches('\u{feff}').trim()))
    }

    /// The number of the line that was read last. The first line is 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }
}
