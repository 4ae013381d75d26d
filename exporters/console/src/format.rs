//! The output format.

use std::str::FromStr;

use crate::Error;

/// The output format: for people or for programs.
///
/// ```
/// use cachescope_console::Format;
///
/// assert_eq!("json".parse::<Format>()?, Format::JsonLines);
/// # Ok::<(), cachescope_console::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Metrics as a table, with all series at each export, and times and sizes in readable units; spans as lines.
    #[default]
    Table,
    /// One JSON object per line, for each series at each export and for each span. Numbers are in the metric's own
    /// unit.
    JsonLines,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::JsonLines),
            _ => Err(Error::new("the console format", "table or json", text)),
        }
    }
}
