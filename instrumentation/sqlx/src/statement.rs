//! An SQL statement and its parameters.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// An SQL statement for one database, and the order of its parameters.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The command in telemetry.
    pub(crate) name: &'static str,
    sql: Arc<str>,
    /// The parameter for each position (`?`), or each parameter once if they are numbered (`$1`).
    order: Vec<usize>,
}

/// A parameter of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Param<'a> {
    /// A scope or a name.
    Text(&'a str),
    /// A value.
    Bytes(&'a [u8]),
    /// A number, or NULL.
    Number(Option<i64>),
}

impl Statement {
    /// Creates a statement from `sql`, whose parameters are `$1` to `$9`. A parameter may occur several times.
    pub(crate) fn new(name: &'static str, sql: &str, numbered: bool) -> Self {
        let mut pieces = sql.split('$');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        let mut order = Vec::new();
        for piece in pieces {
            let number = piece.bytes().next().map_or(0, |digit| usize::from(digit.wrapping_sub(b'1')));
            text.push_str(if numbered { "$" } else { "?" });
            text.push_str(if numbered { piece } else { piece.get(1..).unwrap_or_default() });
            order.push(number);
        }
        if numbered {
            order.sort_unstable();
            order.dedup();
        }
        Self { name, sql: text.into(), order }
    }

    /// Returns the text of the statement. The only user input in it is the name of the table, which was validated.
    pub(crate) fn sql(&self) -> SqlStr {
        AssertSqlSafe(Arc::clone(&self.sql)).into_sql_str()
    }

    /// Returns `params` in the order that the database expects.
    pub(crate) fn ordered<'a>(&self, params: &[Param<'a>]) -> impl Iterator<Item = Param<'a>> {
        self.order.iter().map(|index| params[*index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(statement: &Statement) -> Vec<Option<i64>> {
        let params = [Param::Number(Some(10)), Param::Number(Some(20)), Param::Number(None)];
        let number = |param| if let Param::Number(number) = param { number } else { panic!("not a number") };
        statement.ordered(&params).map(number).collect()
    }

    #[test]
    fn parameters_are_numbered_or_ordered_by_position() {
        let numbered = Statement::new("SELECT", "a = $2 AND b = $1 OR $2 < $3", true);
        assert_eq!(&*numbered.sql, "a = $2 AND b = $1 OR $2 < $3");
        assert_eq!(numbers(&numbered), [Some(10), Some(20), None]);
        let positional = Statement::new("SELECT", "a = $2 AND b = $1 OR $2 < $3", false);
        assert_eq!(&*positional.sql, "a = ? AND b = ? OR ? < ?");
        assert_eq!(numbers(&positional), [Some(20), Some(10), Some(20), None]);
    }
}
