//! The table that entries are in, by name.

use std::sync::Arc;

use cachescope_core::ConfigError;

/// What a table is called, and perhaps the schema or database it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    within: Option<Arc<str>>,
    name: Arc<str>,
}

impl Table {
    /// The table called `name`, or `within.name`.
    ///
    /// # Errors
    /// If these aren't letters, digits and underscores, or more than 48 of them: names of indexes are made of it, and
    /// databases take up to 63 bytes.
    pub(crate) fn new(name: &str) -> Result<Self, ConfigError> {
        let (within, table) = match name.split_once('.') {
            Some((within, table)) => (Some(within), table),
            None => (None, name),
        };
        if within.into_iter().chain([table]).all(plain) {
            return Ok(Self { within: within.map(Arc::from), name: table.into() });
        }
        Err(ConfigError::new(
            "the name of a cache's table is up to 48 letters, digits and underscores, and begins with no digit",
        ))
    }

    /// The table's own name.
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// In the quotes of the database.
    pub(crate) fn quoted(&self, quote: char) -> String {
        let within = self.within.as_ref().map(|within| format!("{quote}{within}{quote}."));
        format!("{}{quote}{}{quote}", within.unwrap_or_default(), self.name)
    }

    /// What an index of it is called; the database puts it where the table is.
    pub(crate) fn index(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.name)
    }

    /// The table beside it.
    pub(crate) fn beside(&self, suffix: &str) -> Self {
        Self { within: self.within.clone(), name: self.index(suffix).into() }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { within: None, name: "cachescope".into() }
    }
}

fn plain(part: &str) -> bool {
    let letters = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    letters && (1..=48).contains(&part.len()) && !part.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_what_could_end_a_quote_is_refused() {
        assert_eq!(Table::new("cachescope").unwrap().quoted('"'), "\"cachescope\"");
        assert_eq!(Table::new("app.Cache_2").unwrap().beside("schema").quoted('`'), "`app`.`Cache_2_schema`");
        let bad = ["", ".", "a.", ".a", "a.b.c", "a\"b", "a`b", "a b", "a;b", "2a", "ä", &"a".repeat(49)];
        assert!(bad.iter().all(|name| Table::new(name).is_err()));
    }
}
