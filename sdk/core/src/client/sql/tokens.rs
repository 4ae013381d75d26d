//! A query's words, names and literals, as far as one must tell them apart.

use super::Dialect;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name.
    Word,
    /// A name in quotes.
    Name,
    /// In quotes, and a name or a string, as the database finds: SQLite takes a name that isn't there for a string.
    NameOrString,
    /// A string, a number, bytes.
    Literal,
    /// Stands for a value that is sent beside the query.
    Parameter,
    /// Anything else, one character.
    Symbol,
}

/// A token, and whether something that means nothing stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) after_gap: bool,
}

impl Token<'_> {
    pub(super) fn is(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }
}

/// The tokens of a query. What isn't closed goes on to the end.
pub(super) struct Tokens<'a> {
    dialect: Dialect,
    rest: &'a str,
    /// Whether the last token was a string of PostgreSQL's with escapes: it goes on with them on another line.
    escapes: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(dialect: Dialect, sql: &'a str) -> Self {
        Self { dialect, rest: sql, escapes: false }
    }

    /// Passes over spaces and comments, and says whether there were any.
    fn pass_over_gap(&mut self) -> bool {
        let start = self.rest;
        let mut has_block = false;
        loop {
            self.rest = self.rest.trim_start();
            match self.comment() {
                0 => break,
                length => {
                    has_block |= self.rest.starts_with("/*");
                    self.rest = &self.rest[length..];
                }
            }
        }
        let gap = &start[..start.len() - self.rest.len()];
        // Only on another line a string goes on, and a comment in between is one line.
        self.escapes &= gap.contains(['\n', '\r']) && !has_block;
        !gap.is_empty()
    }

    /// How long the comment is that begins here.
    fn comment(&self) -> usize {
        let (rest, my) = (self.rest, self.dialect == Dialect::MySql);
        // To MySQL `5--1` is 6.
        let dashes = rest.strip_prefix("--").is_some_and(|after| !my || !after.starts_with(|c: char| c > ' '));
        if dashes || my && rest.starts_with('#') {
            let ends = |c: char| c == '\n' || c == '\r' && self.dialect == Dialect::PostgreSql;
            return rest.find(ends).unwrap_or(rest.len());
        }
        if !rest.starts_with("/*") {
            return 0;
        }
        let (mut depth, mut at) = (1_u32, 2);
        while let Some(found) = rest[at..].find(['*', '/']) {
            at += found;
            if rest[at..].starts_with("*/") {
                (depth, at) = (depth - 1, at + 2);
            } else if rest[at..].starts_with("/*") && self.dialect == Dialect::PostgreSql {
                (depth, at) = (depth + 1, at + 2);
            } else {
                at += 1;
            }
            if depth == 0 {
                return at;
            }
        }
        rest.len()
    }

    /// What begins here, and how long it is.
    fn measure(&mut self) -> Option<(Kind, usize)> {
        let rest = self.rest;
        let went_on = std::mem::take(&mut self.escapes);
        let first = rest.chars().next()?;
        let (postgres, my, lite) = (Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite);
        Some(match (first, self.dialect) {
            ('\'', dialect) => {
                self.escapes = went_on;
                (Kind::Literal, quoted(rest, dialect == my || went_on))
            }
            ('"', dialect) if dialect == postgres => (Kind::Name, quoted(rest, false)),
            ('"', dialect) if dialect == my => (Kind::Literal, quoted(rest, true)),
            ('"', _) => (Kind::NameOrString, quoted(rest, false)),
            ('`', dialect) if dialect != postgres => (Kind::Name, quoted(rest, false)),
            ('[', dialect) if dialect == lite => (Kind::Name, rest.find(']').map_or(rest.len(), |end| end + 1)),
            ('$', dialect) if dialect == postgres => dollar(rest),
            (':' | '@' | '$', dialect) if dialect == lite => named_parameter(rest),
            ('?', dialect) if dialect != postgres => (Kind::Parameter, 1 + run(&rest[1..], |c| c.is_ascii_digit())),
            (c, _) if c.is_ascii_digit() => (Kind::Literal, number(rest)),
            ('.', _) if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => (Kind::Literal, number(rest)),
            (c, _) if is_of_word(c) => self.word(),
            (c, _) => (Kind::Symbol, c.len_utf8()),
        })
    }

    /// A word, or a string that has a letter before it.
    fn word(&mut self) -> (Kind, usize) {
        let length = run(self.rest, is_of_word);
        let (word, after) = self.rest.split_at(length);
        let is = |letter: &str| after.starts_with('\'') && word.eq_ignore_ascii_case(letter);
        let escapes = match self.dialect {
            Dialect::PostgreSql => is("e"),
            Dialect::MySql => true,
            Dialect::Sqlite => false,
        };
        if is("e") || is("b") || is("x") || is("n") {
            self.escapes = escapes && self.dialect == Dialect::PostgreSql;
            return (Kind::Literal, length + quoted(after, escapes));
        }
        (Kind::Word, length)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let after_gap = self.pass_over_gap();
        let (kind, length) = self.measure()?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(Token { kind, text, after_gap })
    }
}

/// Every database takes what isn't ASCII for letters.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii() && !c.is_whitespace()
}

/// How long the beginning of `text` is that `belongs`.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// How long what the first character quotes is, with its quotes. One that is doubled doesn't end it.
fn quoted(text: &str, escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        if escapes && bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at] != bytes[0] {
            at += 1;
        } else if bytes.get(at + 1) == Some(&bytes[0]) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    bytes.len()
}

/// A string between `$tag$`s, or `$1`.
fn dollar(text: &str) -> (Kind, usize) {
    let digits = run(&text[1..], |c| c.is_ascii_digit());
    if digits > 0 {
        return (Kind::Parameter, 1 + digits);
    }
    let tag = 1 + run(&text[1..], |c| is_of_word(c) && c != '$');
    if !text[tag..].starts_with('$') {
        return (Kind::Symbol, 1);
    }
    let (mark, inside) = text.split_at(tag + 1);
    (Kind::Literal, inside.find(mark).map_or(text.len(), |end| 2 * mark.len() + end))
}

/// `:name`, `@name` or `$name`; the character alone if no name follows.
fn named_parameter(text: &str) -> (Kind, usize) {
    match run(&text[1..], is_of_word) {
        0 => (Kind::Symbol, 1),
        name => (Kind::Parameter, 1 + name),
    }
}

/// How long the number is, with all that hangs on to it.
fn number(text: &str) -> usize {
    let belongs = |c: char| is_of_word(c) || c == '.';
    let length = run(text, belongs);
    let after = &text[length..];
    let has_exponent = text[..length].ends_with(['e', 'E']) && !text.starts_with("0x") && !text.starts_with("0X");
    if has_exponent && after.starts_with(['+', '-']) && after[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return length + 1 + run(&after[1..], belongs);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(dialect: Dialect, sql: &str) -> Vec<(Kind, &str)> {
        Tokens::of(dialect, sql).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn quotes_mean_what_they_mean_in_each_dialect() {
        let quotes = r#""d" `b`"#;
        assert_eq!(kinds(Dialect::PostgreSql, quotes)[0], (Kind::Name, r#""d""#));
        assert_eq!(kinds(Dialect::MySql, quotes), [(Kind::Literal, r#""d""#), (Kind::Name, "`b`")]);
        assert_eq!(kinds(Dialect::Sqlite, quotes), [(Kind::NameOrString, r#""d""#), (Kind::Name, "`b`")]);
        assert_eq!(kinds(Dialect::Sqlite, "[a b]"), [(Kind::Name, "[a b]")]);
        assert_eq!(kinds(Dialect::PostgreSql, "x[1]").len(), 4);
    }

    #[test]
    fn a_backslash_escapes_where_the_database_says_so() {
        let backslash = r"'a\' b 'c'";
        assert_eq!(
            kinds(Dialect::PostgreSql, backslash),
            [(Kind::Literal, r"'a\'"), (Kind::Word, "b"), (Kind::Literal, "'c'")]
        );
        assert_eq!(kinds(Dialect::MySql, backslash)[0], (Kind::Literal, r"'a\' b '"));
        assert_eq!(kinds(Dialect::PostgreSql, r"E'a\' b' c")[0], (Kind::Literal, r"E'a\' b'"));
        assert_eq!(kinds(Dialect::PostgreSql, "E'a'\n'b\\'c' d").len(), 3, "it goes on with its escapes");
        assert_eq!(kinds(Dialect::PostgreSql, r"E'a' /* c */ 'b\' c").len(), 3, "it doesn't go on");
        assert_eq!(kinds(Dialect::PostgreSql, "'it''s'"), [(Kind::Literal, "'it''s'")]);
    }

    #[test]
    fn comments_are_passed_over_and_nest_where_the_database_nests_them() {
        let nested = "a /* b /* c */ d */ e";
        assert_eq!(kinds(Dialect::PostgreSql, nested).len(), 2);
        assert_eq!(kinds(Dialect::MySql, nested).len(), 5);
        assert_eq!(kinds(Dialect::MySql, "a # b\nc -- d").len(), 2);
        assert_eq!(kinds(Dialect::MySql, "5--1").len(), 4);
        assert_eq!(kinds(Dialect::Sqlite, "5--1").len(), 1);
        assert_eq!(kinds(Dialect::Sqlite, "a /* b").len(), 1);
    }

    #[test]
    fn numbers_and_parameters_are_whole() {
        for number in ["1", "1.5", ".5", "1e10", "1.5e-3", "0xFFe", "1_000", "2E+7"] {
            for dialect in [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite] {
                assert_eq!(kinds(dialect, number), [(Kind::Literal, number)], "{dialect:?}");
            }
        }
        assert_eq!(kinds(Dialect::PostgreSql, "0xe-1").len(), 3);
        assert_eq!(
            kinds(Dialect::PostgreSql, "$12 t1 a$b$c"),
            [(Kind::Parameter, "$12"), (Kind::Word, "t1"), (Kind::Word, "a$b$c")]
        );
        let marked: Vec<_> = kinds(Dialect::Sqlite, "?1 :a @b $c").into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(marked, [Kind::Parameter; 4]);
        assert_eq!(
            kinds(Dialect::PostgreSql, "$x$ it's $y$ $x$ z"),
            [(Kind::Literal, "$x$ it's $y$ $x$"), (Kind::Word, "z")]
        );
    }
}
