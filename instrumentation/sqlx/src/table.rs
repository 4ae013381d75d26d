//! The name of the table of a store.

use std::sync::Arc;

use cachescope_core::ConfigError;

/// The name of a table, with an optional schema (in MySQL, a database).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    schema: Option<Arc<str>>,
    name: Arc<str>,
}

impl Table {
    /// Parses `name` or `schema.name`.
    ///
    /// # Errors
    /// If a part isn't 1 to 48 letters, digits and underscores without a leading digit. Index names are derived from
    /// the name, and databases accept up to 63 bytes.
    pub(crate) fn new(name: &str) -> Result<Self, ConfigError> {
        let (schema, table) = match name.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, name),
        };
        if schema.into_iter().chain([table]).all(is_valid_name) {
            return Ok(Self { schema: schema.map(Arc::from), name: table.into() });
        }
        Err(ConfigError::new(format!(
            "table name must be 1 to 48 letters, digits and underscores without a leading digit, got {name:?}"
        )))
    }

    /// Returns the name without the schema.
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the full name in quotes.
    pub(crate) fn quoted(&self, quote: char) -> String {
        let schema = self.schema.as_ref().map(|schema| format!("{quote}{schema}{quote}."));
        format!("{}{quote}{}{quote}", schema.unwrap_or_default(), self.name)
    }

    /// Returns the name of an index. The database creates the index in the table's schema.
    pub(crate) fn index(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.name)
    }

    /// Returns the table with a suffixed name in the same schema.
    pub(crate) fn with_suffix(&self, suffix: &str) -> Self {
        Self { schema: self.schema.clone(), name: self.index(suffix).into() }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { schema: None, name: "cachescope".into() }
    }
}

fn is_valid_name(part: &str) -> bool {
    let letters = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    letters && (1..=48).contains(&part.len()) && !part.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_special_characters_are_refused() {
        assert_eq!(Table::new("cachescope").unwrap().quoted('"'), "\"cachescope\"");
        assert_eq!(Table::new("app.Cache_2").unwrap().with_suffix("schema").quoted('`'), "`app`.`Cache_2_schema`");
        let bad = ["", ".", "a.", ".a", "a.b.c", "a\"b", "a`b", "a b", "a;b", "2a", "ä", &"a".repeat(49)];
        assert!(bad.iter().all(|name| Table::new(name).is_err()));
    }
}
