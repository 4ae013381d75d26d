//! The columns of a CSV.

use std::borrow::Cow;

use anyhow::{Context as _, bail};

/// The indexes of the columns that are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    pub(crate) key: usize,
    pub(crate) time: Option<usize>,
    pub(crate) size: Option<usize>,
}

impl Columns {
    /// Reads a header. Other columns may be between the known ones.
    pub(crate) fn from_header(header: &str) -> anyhow::Result<Self> {
        let names: Vec<_> = fields(header)?.iter().map(|name| name.trim().to_lowercase()).collect();
        let at = |wanted: &str| names.iter().position(|name| name == wanted);
        let key = at("key").with_context(|| {
            format!("the header `{header}` has no column `key`: name it, or begin with `time,key,size`")
        })?;
        Ok(Self { key, time: at("time"), size: at("size") })
    }

    /// Returns the columns of a trace without a header that begins with `line`. Returns `None` if `line` is a header.
    pub(crate) fn from_first_line(line: &str) -> anyhow::Result<Option<Self>> {
        let fields = fields(line)?;
        if fields[0].trim().parse::<f64>().is_err() {
            return Ok(None);
        }
        match fields.len() {
            1 => Ok(Some(Self { key: 0, time: None, size: None })),
            2 => Ok(Some(Self { key: 1, time: Some(0), size: None })),
            3 => Ok(Some(Self { key: 1, time: Some(0), size: Some(2) })),
            more => {
                bail!(
                    "{more} columns and no header: begin with a line that names the columns, `time,key,size` among them"
                )
            }
        }
    }
}

/// Splits a line into fields. A quoted field may contain commas, and quotes written twice.
pub(crate) fn fields(line: &str) -> anyhow::Result<Vec<Cow<'_, str>>> {
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(line) = rest {
        let Some(quoted) = line.strip_prefix('"') else {
            let (field, after) = line.split_once(',').map_or((line, None), |(field, after)| (field, Some(after)));
            fields.push(Cow::Borrowed(field));
            rest = after;
            continue;
        };
        let mut from = 0;
        let end = loop {
            let quote = from + quoted[from..].find('"').context("a quote without an end: expected another `\"`")?;
            if !quoted[quote + 1..].starts_with('"') {
                break quote;
            }
            from = quote + 2;
        };
        fields.push(Cow::Owned(quoted[..end].replace("\"\"", "\"")));
        rest = match &quoted[end + 1..] {
            "" => None,
            after => Some(after.strip_prefix(',').context("text after a quoted field: expected a comma")?),
        };
    }
    Ok(fields)
}
