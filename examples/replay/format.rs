//! The formats of traces.

use std::fmt;
use std::path::Path;

use anyhow::bail;
use clap::ValueEnum;

use crate::source;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// `start count - -`
    Arc,
    /// A key a line
    Keys,
    /// Columns for key, time and size
    Csv,
}

impl Format {
    /// Detects the format from the file's name, or else from the first line.
    pub(crate) fn detect(path: &Path, first: &str) -> anyhow::Result<Self> {
        match source::extension(path).as_deref() {
            Some("csv") => return Ok(Self::Csv),
            Some("lis" | "arc") => return Ok(Self::Arc),
            Some("keys") => return Ok(Self::Keys),
            _ => {}
        }
        let words: Vec<_> = first.split_whitespace().collect();
        let is_number = |word: &&str| word.parse::<u64>().is_ok();
        Ok(match words.as_slice() {
            _ if first.contains(',') => Self::Csv,
            [_] => Self::Keys,
            [start, count, _, _] if is_number(start) && is_number(count) => Self::Arc,
            _ => bail!(
                "`{first}` is neither `start count - -` nor one key nor columns separated by commas: \
                 set --format"
            ),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arc => "arc",
            Self::Keys => "keys",
            Self::Csv => "csv",
        })
    }
}
