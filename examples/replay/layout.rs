//! Parsing a line.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::columns::{Columns, fields};
use crate::format::Format;
use crate::key::Key;

/// The layout of a trace's lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    Arc,
    Keys,
    Csv(Columns),
}

/// The requests of a line: consecutive keys. Most formats have one key on a line.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) first: Key,
    pub(crate) keys: u64,
    pub(crate) at: Option<Duration>,
}

impl Layout {
    /// Returns the layout of a trace that begins with the line `first`, and whether `first` is a header.
    pub(crate) fn new(format: Format, first: &str) -> anyhow::Result<(Self, bool)> {
        Ok(match format {
            Format::Arc => (Self::Arc, false),
            Format::Keys => (Self::Keys, false),
            Format::Csv => match Columns::from_first_line(first)? {
                Some(columns) => (Self::Csv(columns), false),
                None => (Self::Csv(Columns::from_header(first)?), true),
            },
        })
    }

    pub(crate) const fn has_sizes(&self) -> bool {
        matches!(self, Self::Csv(Columns { size: Some(_), .. }))
    }

    pub(crate) fn parse(&self, line: &str) -> anyhow::Result<Requests> {
        match self {
            Self::Arc => arc(line),
            Self::Keys => Ok(Requests { first: Key::from_text(line), keys: 1, at: None }),
            Self::Csv(columns) => csv(*columns, line),
        }
    }
}

fn arc(line: &str) -> anyhow::Result<Requests> {
    let mut words = line.split_whitespace();
    let mut number = || words.next()?.parse::<u64>().ok();
    let numbers = number().zip(number()).filter(|(start, keys)| start.checked_add(*keys).is_some());
    let (start, keys) = numbers.with_context(|| {
        format!("`{line}`: expected `start count - -`, where `start` is the first key and `count` the number of keys")
    })?;
    Ok(Requests { first: Key::from_number(start), keys, at: None })
}

fn csv(columns: Columns, line: &str) -> anyhow::Result<Requests> {
    let fields = fields(line)?;
    let field = |column: usize, name: &str| {
        let count = fields.len();
        let field = fields.get(column).map(|field| field.trim());
        field.with_context(|| format!("`{line}`: {count} columns; expected `{name}` in column {}", column + 1))
    };
    let key = field(columns.key, "key")?;
    ensure!(!key.is_empty(), "`{line}`: the key is empty; expected one in column {}", columns.key + 1);
    let mut first = Key::from_text(key);
    if let Some(column) = columns.size {
        let text = field(column, "size")?;
        let size = text.parse::<u64>().ok();
        let size = size.with_context(|| format!("the size must be a whole number of bytes, got `{text}`"))?;
        first.size = u32::try_from(size).unwrap_or(u32::MAX);
    }
    let at = |column| {
        let text = field(column, "time")?;
        let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        time.with_context(|| format!("the time must be a number of seconds, 0 or more, got `{text}`"))
    };
    Ok(Requests { first, keys: 1, at: columns.time.map(at).transpose()? })
}
