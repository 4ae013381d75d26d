//! The operation and the summary of a query: few different ones, and no values.

use super::tokens::{Token, TokenKind};

/// The keywords that a statement may start with.
const OPERATIONS: [&str; 44] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "WITH",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "START",
    "END",
    "ABORT",
    "SET",
    "SHOW",
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
    "REPLACE",
    "MERGE",
    "VALUES",
    "TABLE",
    "CALL",
    "EXECUTE",
    "PREPARE",
    "DEALLOCATE",
    "COPY",
    "LOCK",
    "UNLOCK",
    "LISTEN",
    "UNLISTEN",
    "NOTIFY",
    "EXPLAIN",
    "ANALYZE",
    "VACUUM",
    "PRAGMA",
    "GRANT",
    "REVOKE",
    "USE",
    "ATTACH",
    "DETACH",
    "REINDEX",
    "DO",
];

/// The keywords that a nested statement may start with.
const NESTED: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"];

/// The keywords that may stand between an operation and a table.
const BETWEEN: [&str; 10] =
    ["ONLY", "LATERAL", "IF", "NOT", "EXISTS", "OR", "IGNORE", "REPLACE", "LOW_PRIORITY", "QUICK"];

/// The maximum length of a summary in bytes, by the conventions.
const MAX_LENGTH: usize = 255;

fn among(operations: &[&'static str], token: &Token<'_>) -> Option<&'static str> {
    operations.iter().copied().find(|operation| token.is_word(operation))
}

/// Returns the operation of the first statement.
pub(super) fn operation<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Option<&'static str> {
    let mut tokens = tokens.skip_while(|token| token.is("(") || token.is(";"));
    let first = among(&OPERATIONS, &tokens.next()?)?;
    if first != "WITH" {
        return Some(first);
    }
    let mut depth = 0_u32;
    let main = tokens.find_map(|token| {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        }
        among(&NESTED, &token).filter(|_| depth == 0)
    });
    main.or(Some(first))
}

/// Returns the operations and their tables, in the order of the query.
pub(super) fn summary(tokens: &[Token<'_>]) -> Option<String> {
    let main = operation(tokens.iter().copied())?;
    let mut words = Words(String::new());
    // For each open parenthesis, whether it contains a statement. Elsewhere `FROM` has other uses.
    let mut open = vec![false];
    let (mut begins, mut in_with) = (true, false);
    for (at, token) in tokens.iter().enumerate() {
        let here = match among(&NESTED, token) {
            Some("SELECT") => Some("SELECT"),
            // Other clauses and functions have the same names: `FOR UPDATE`, `INSERT(…)`.
            Some(nested) if begins && !tokens.get(at + 1).is_some_and(|next| next.is("(")) => Some(nested),
            None if begins && open.len() == 1 && !in_with => among(&OPERATIONS, token),
            _ => None,
        };
        if let (Some(_), Some(stands)) = (here, open.last_mut()) {
            *stands = true;
            in_with = here == Some("WITH") || in_with && open.len() > 1;
        }
        let table = table_after(tokens, at, here.is_some()).filter(|_| open.last() == Some(&true));
        if !words.add(here.filter(|operation| *operation != "WITH").unwrap_or_default())
            || !words.add(table.as_deref().unwrap_or_default())
        {
            break;
        }
        if token.is("(") {
            open.push(false);
        } else if token.is(")") && open.len() > 1 {
            open.pop();
        }
        // Only a parenthesis stands before the statement that `WITH` belongs to.
        begins = token.is("(") || token.is(";") || token.is(")") && in_with && open.len() == 1;
    }
    if words.0.is_empty() {
        words.add(main);
    }
    Some(words.0)
}

/// The words of a summary, limited in length.
struct Words(String);

impl Words {
    /// Appends a word, and returns whether it fits.
    fn add(&mut self, word: &str) -> bool {
        let fits = self.0.len() + 1 + word.len() <= MAX_LENGTH;
        if fits && !word.is_empty() {
            self.0.push_str(if self.0.is_empty() { "" } else { " " });
            self.0.push_str(word);
        }
        fits
    }
}

/// Returns the table that is named after this token, if there is one.
fn table_after(tokens: &[Token<'_>], at: usize, is_operation: bool) -> Option<String> {
    let token = &tokens[at];
    let by_operation = is_operation && token.is_one_of(&["UPDATE", "TRUNCATE"]);
    // As in `IS DISTINCT FROM column`.
    let compares = at > 0 && tokens[at - 1].is_word("DISTINCT");
    let names_one = by_operation || token.is_one_of(&["FROM", "JOIN", "INTO", "TABLE"]) && !compares;
    // Of two keywords in a row, the second one names the table.
    let named = || table(&tokens[at + 1..], token.is_word("FROM") || token.is_word("JOIN"));
    if names_one && !tokens.get(at + 1).is_some_and(|next| next.is_word("TABLE")) { named() } else { None }
}

/// Returns the qualified name of the table at the start of `tokens`, if there is one.
fn table(tokens: &[Token<'_>], may_be_call: bool) -> Option<String> {
    let first = tokens.iter().position(|token| !token.is_one_of(&BETWEEN))?;
    let mut name = String::new();
    let mut at = first;
    loop {
        let part = &tokens[at];
        let is_name = match part.kind {
            TokenKind::Word => among(&OPERATIONS, part).is_none(),
            TokenKind::Name | TokenKind::NameOrString => true,
            _ => false,
        };
        if !is_name {
            return None;
        }
        name.push_str(part.text);
        match tokens.get(at + 1) {
            Some(dot) if dot.is(".") && tokens.len() > at + 2 => name.push('.'),
            Some(call) if call.is("(") && may_be_call => return None,
            _ => return Some(name),
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use crate::db_client::Dialect;

    #[test]
    fn operation_is_that_of_the_main_statement() {
        for (sql, expected) in [
            ("select 1", Some("SELECT")),
            ("-- c\n (SELECT 1) UNION (SELECT 2)", Some("SELECT")),
            ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", Some("INSERT")),
            ("with recursive a as (select 1), b as (delete from t returning *) select * from a", Some("SELECT")),
            ("WITH", Some("WITH")),
            ("BEGIN; SELECT 1", Some("BEGIN")),
            ("secret", None),
            ("'SELECT'", None),
            ("", None),
        ] {
            assert_eq!(Dialect::PostgreSql.operation(sql), expected, "{sql}");
        }
    }

    #[test]
    fn summary_lists_operations_and_tables_in_order() {
        for (sql, expected) in [
            ("SELECT a FROM t WHERE b = 'FROM x'", "SELECT t"),
            ("SELECT * FROM shop.users u LEFT JOIN \"Or ders\" o ON o.u = u.id", "SELECT shop.users \"Or ders\""),
            ("INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT DO UPDATE SET a = 2", "INSERT t"),
            ("UPDATE t SET a = 1 FROM s", "UPDATE t s"),
            ("DELETE FROM t WHERE id IN (SELECT id FROM s FOR UPDATE)", "DELETE t SELECT s"),
            ("SELECT extract(year FROM created) FROM t", "SELECT t"),
            ("SELECT a IS DISTINCT FROM b FROM t", "SELECT t"),
            ("SELECT * FROM generate_series(1, 2)", "SELECT"),
            ("SELECT * FROM (SELECT * FROM t) x", "SELECT SELECT t"),
            ("WITH a AS (DELETE FROM t RETURNING *) INSERT INTO s SELECT * FROM a", "DELETE t INSERT s SELECT a"),
            ("CREATE TABLE IF NOT EXISTS t (a int REFERENCES s ON DELETE CASCADE)", "CREATE t"),
            ("TRUNCATE TABLE t", "TRUNCATE t"),
            ("SELECT upper(replace(a, 'b', 'c')) FROM t", "SELECT t"),
            ("BEGIN; UPDATE t SET a = 1; COMMIT", "BEGIN UPDATE t COMMIT"),
        ] {
            assert_eq!(Dialect::PostgreSql.summary(sql).as_deref(), Some(expected), "{sql}");
        }
        assert_eq!(Dialect::PostgreSql.summary("frobnicate t"), None);
        assert_eq!(Dialect::MySql.summary("SELECT * FROM \"secret\"").as_deref(), Some("SELECT"));
    }

    #[test]
    fn long_summary_is_cut_at_a_word() {
        let sql = format!("SELECT * FROM t{}", " JOIN other_table USING (id)".repeat(100));
        let summary = Dialect::Sqlite.summary(&sql).unwrap();
        assert!(summary.len() <= 255 && summary.len() > 240 && summary.ends_with(" other_table"), "{summary}");
    }
}
