//! A statement and what it is given.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// A statement in the words of one database, and which parameter goes where.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The command, as telemetry tells it.
    pub(crate) name: &'static str,
    sql: Arc<str>,
    /// By position where the database counts positions (`?`); otherwise each once, as numbered (`$1`).
    order: Vec<usize>,
}

/// What a statement is given.
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
    /// The statement `sql`, whose parameters are `$1` to `$9`, each perhaps several times.
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

    /// Nothing of a user's is in it but the table's name, which is checked.
    pub(crate) fn sql(&self) -> SqlStr {
        AssertSqlSafe(Arc::clone(&self.sql)).into_sql_str()
    }

    /// `params` in the order in which the database wants them.
    pub(crate) fn ordered<'a>(&self, params: &[Param<'a>]) -> impl Iterator<Item = Param<'a>> {
        self.order.iter().map(|index| params[*index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(statement: &Statement) -> Vec<Option<i64>> {
        let params = [Param::Number(Some(10)), Param::Number(Some(20)), Param::Number(None)];
        let number = |param| if let Param::Number(number) = param { number } else { panic!("a number went in") };
        statement.ordered(&params).map(number).collect()
    }

    #[test]
    fn parameters_are_numbered_or_in_the_order_of_their_places() {
        let numbered = Statement::new("SELECT", "a = $2 AND b = $1 OR $2 < $3", true);
        assert_eq!(&*numbered.sql, "a = $2 AND b = $1 OR $2 < $3");
        assert_eq!(numbers(&numbered), [Some(10), Some(20), None]);
        let placed = Statement::new("SELECT", "a = $2 AND b = $1 OR $2 < $3", false);
        assert_eq!(&*placed.sql, "a = ? AND b = ? OR ? < ?");
        assert_eq!(numbers(&placed), [Some(20), Some(10), Some(20), None]);
    }
}
