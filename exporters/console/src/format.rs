//! For eyes or for programs.

use std::str::FromStr;

use crate::Error;

/// For eyes or for programs.
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
    /// Metrics as a table, all of them each time, with times and sizes in handy units; spans as lines.
    #[default]
    Table,
    /// One JSON object a line, for each series at each export and for each span. Numbers are in the metric's own unit.
    JsonLines,
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::JsonLines),
            _ => Err(Error::setting("the console format", text, "table or json")),
        }
    }
}
