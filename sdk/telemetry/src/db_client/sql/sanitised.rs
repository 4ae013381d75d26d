//! Removal of literals from a query.

use super::tokens::{Token, TokenKind};

/// Keywords that are followed by a name, whatever its quotes.
const BEFORE_NAMES: [&str; 6] = ["FROM", "JOIN", "INTO", "UPDATE", "TABLE", "AS"];

pub(super) fn sanitised(tokens: &[Token<'_>]) -> String {
    let mut text = String::with_capacity(tokens.iter().map(|token| token.text.len() + 1).sum());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if token.after_gap && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(if is_literal(tokens, at) { "?" } else { token.text });
        at += 1;
        if let Some(end) = Some(token).filter(|token| token.is_word("IN")).and_then(|_| list_end(tokens, at)) {
            text.push_str(" (?)");
            at = end;
        }
    }
    text
}

fn is_literal(tokens: &[Token<'_>], at: usize) -> bool {
    match tokens[at].kind {
        TokenKind::Literal => true,
        TokenKind::Word => tokens[at].is_one_of(&["TRUE", "FALSE"]),
        TokenKind::NameOrString => !is_certainly_name(tokens, at),
        TokenKind::Name | TokenKind::Parameter | TokenKind::Symbol => false,
    }
}

fn is_certainly_name(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |by: usize| at.checked_sub(by).map(|at| &tokens[at]);
    let beside_dot = before(1).is_some_and(|token| token.is(".")) || tokens.get(at + 1).is_some_and(|t| t.is("."));
    // As in `IS DISTINCT FROM "value"`.
    let compares = before(2).is_some_and(|token| token.is_word("DISTINCT"));
    beside_dot || !compares && before(1).is_some_and(|token| token.is_one_of(&BEFORE_NAMES))
}

/// Returns the end of the list of values that starts at `start`, if there is one.
fn list_end(tokens: &[Token<'_>], start: usize) -> Option<usize> {
    let is = |at: usize, symbol: &str| tokens.get(at).is_some_and(|token| token.is(symbol));
    let mut at = Some(start).filter(|at| is(*at, "("))? + 1;
    loop {
        if is(at, "-") || is(at, "+") {
            at += 1;
        }
        let value = tokens.get(at)?;
        let is_placeholder = value.kind == TokenKind::Parameter || value.is_word("NULL") || value.is("?");
        if !is_placeholder && !is_literal(tokens, at) {
            return None;
        }
        at += 1;
        if is(at, ")") {
            return Some(at + 1);
        }
        at = Some(at).filter(|at| is(*at, ","))? + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::db_client::Dialect;

    const ALL: [Dialect; 3] = [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite];

    #[test]
    fn literals_are_removed_and_the_rest_stays() {
        for (sql, expected) in [
            ("SELECT 1", "SELECT ?"),
            ("  select *\n\tfrom t  where a=-1.5e3  ", "select * from t where a=-?"),
            ("SELECT a FROM t WHERE b IS TRUE AND c IS NOT NULL", "SELECT a FROM t WHERE b IS ? AND c IS NOT NULL"),
            ("SELECT t1.a2 FROM t1 LIMIT 10", "SELECT t1.a2 FROM t1 LIMIT ?"),
            ("a IN (1, -2, 'three', NULL)", "a IN (?)"),
            ("a in(1)and b NOT IN ('x')", "a in (?)and b NOT IN (?)"),
            ("a IN (SELECT 1)", "a IN (SELECT ?)"),
            ("a IN (b, 1)", "a IN (b, ?)"),
            ("a IN (1, 2", "a IN (?, ?"),
            ("INSERT INTO t VALUES (1, 'x'), (2, 'y')", "INSERT INTO t VALUES (?, ?), (?, ?)"),
            ("SELECT/* c */1;-- d", "SELECT ?;"),
            ("x'0F' X'1' b'01' N'n' date'2020-01-01'", "? ? ? ? date?"),
            ("", ""),
        ] {
            for dialect in ALL {
                assert_eq!(dialect.sanitised(sql), expected, "{dialect:?}");
            }
        }
    }

    #[test]
    fn literals_of_each_dialect_are_removed() {
        let postgres = |sql| Dialect::PostgreSql.sanitised(sql);
        assert_eq!(
            postgres(r#"SELECT "a b" FROM t WHERE c = $1 AND d IN ($2, $3)"#),
            r#"SELECT "a b" FROM t WHERE c = $1 AND d IN (?)"#
        );
        assert_eq!(postgres("SELECT $$it's$$, $f$ $$ $f$::text, U&'x', a ? 'k'"), "SELECT ?, ?::text, U&?, a ? ?");
        let my = |sql| Dialect::MySql.sanitised(sql);
        assert_eq!(
            my(r#"SELECT `a"b` FROM t WHERE c = "x\"y" AND d = @v"#),
            r#"SELECT `a"b` FROM t WHERE c = ? AND d = @v"#
        );
        let lite = |sql| Dialect::Sqlite.sanitised(sql);
        assert_eq!(
            lite(r#"SELECT "u"."n" AS "m" FROM "users" AS "u" WHERE "n" = "secret" AND o IN (?1, :a)"#),
            r#"SELECT "u"."n" AS "m" FROM "users" AS "u" WHERE ? = ? AND o IN (?)"#
        );
        assert_eq!(lite(r#"a IS NOT DISTINCT FROM "secret""#), "a IS NOT DISTINCT FROM ?");
    }

    #[test]
    fn unclosed_literals_are_removed() {
        for sql in ["SELECT 'secret", "SELECT x'secret", "SELECT /* secret", "SELECT -- secret"] {
            for dialect in ALL {
                assert!(!dialect.sanitised(sql).contains("secret"), "{dialect:?} {sql}");
            }
        }
        assert_eq!(Dialect::PostgreSql.sanitised("SELECT $a$ secret $b$"), "SELECT ?");
    }

    /// Returns a literal with `content`, correctly escaped for the dialect.
    fn literal(dialect: Dialect, form: u8, content: &str) -> String {
        let doubled = |quote: &str| content.replace(quote, &quote.repeat(2));
        let escaped = |text: String| text.replace('\\', r"\\");
        match (dialect, form % 6) {
            (_, 0) => format!("{}5.1e7", content.len()),
            (Dialect::PostgreSql, 1) => format!("E'{}'", escaped(doubled("'"))),
            (Dialect::PostgreSql, 2) => format!("E'{}'", escaped(content.to_owned()).replace('\'', r"\'")),
            (Dialect::PostgreSql, 3) => format!("$tag${content}$tag$"),
            (Dialect::PostgreSql, 4) => format!("E'x\\''\n-- '\n '{}'", escaped(doubled("'"))),
            (Dialect::PostgreSql, _) | (Dialect::Sqlite, 1 | 2) => format!("'{}'", doubled("'")),
            (Dialect::MySql, 1 | 2) => format!("'{}'", escaped(doubled("'"))),
            (Dialect::MySql, 3) => format!("\"{}\"", escaped(content.to_owned()).replace('"', "\\\"")),
            (Dialect::MySql, _) => format!("N'{}'", escaped(content.to_owned()).replace('\'', r"\'")),
            (Dialect::Sqlite, 3) => format!("\"{}\"", doubled("\"")),
            (Dialect::Sqlite, _) => format!("x'{}'", doubled("'")),
        }
    }

    /// Every generated literal contains this mark, and nothing else does.
    const MARK: &str = "5EC4E7";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_literal_is_left(
            dialect in prop::sample::select(ALL.to_vec()),
            parts in prop::collection::vec(
                (
                    prop::sample::select(vec![
                        "SELECT", "=", "IN (", ",", ")", "a", "t.b", "\"q'\".c", " /* it's */ ", "-- it's\n", "\n", "- ",
                        "+", "::text", "AND e", "$1", "?", "$", "_x",
                    ]),
                    any::<u8>(),
                    "[a-z'\"\\\\`$\n/*#é-]{0,6}",
                ),
                1..12,
            ),
        ) {
            let mut sql = String::new();
            let mut literals = 0;
            for (code, form, content) in &parts {
                // In MySQL, that name would be a string with a quote in it.
                let code = if dialect == Dialect::PostgreSql { *code } else { &code.replace("\"q'\"", "`q'`")[..] };
                // A string before the end of a line may continue with its escapes.
                let content = if code.ends_with('\n') { content.replace('\\', "") } else { content.clone() };
                let content = format!("{MARK}{content}{MARK}");
                sql.push_str(code);
                sql.push_str(if matches!(code, "=" | "IN (" | ",") { "" } else { " " });
                sql.push_str(&literal(dialect, *form, &content));
                sql.push(' ');
                literals += usize::from(form % 6 != 0);
            }
            let sanitised = dialect.sanitised(&sql);
            prop_assert_eq!(sql.matches(MARK).count(), 2 * literals);
            prop_assert!(!sanitised.contains(MARK), "{} became {}", sql, sanitised);
            prop_assert!(!sanitised.contains("5.1e7"), "{} became {}", sql, sanitised);
        }

        #[test]
        fn any_text_terminates_and_does_not_grow(
            dialect in prop::sample::select(ALL.to_vec()),
            sql in "[\\PC'\"$\\\\/*\n-]{0,40}",
        ) {
            let sanitised = dialect.sanitised(&sql);
            prop_assert!(sanitised.len() <= sql.len() + 4 * sql.matches(['i', 'I']).count(), "{} became {}", sql, sanitised);
            prop_assert_eq!(dialect.operation(&sql).is_some(), dialect.summary(&sql).is_some());
        }
    }
}
