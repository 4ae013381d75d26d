//! The tokens of a query, as far as they must be distinguished.

use super::Dialect;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A keyword, or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A name or a string in quotes. SQLite reads a name that doesn't exist as a string.
    NameOrString,
    /// A string, a number, bytes.
    Literal,
    /// A placeholder for a value that is sent separately.
    Parameter,
    /// Any other character.
    Symbol,
}

/// A token, and whether a space or a comment precedes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) after_gap: bool,
}

impl Token<'_> {
    pub(super) fn is(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }
}

/// The tokens of a query. An unclosed token extends to the end.
pub(super) struct Tokens<'a> {
    dialect: Dialect,
    rest: &'a str,
    /// Whether the last token was a PostgreSQL string with escapes. If it continues on another line, its escapes
    /// continue as well.
    escapes: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(dialect: Dialect, sql: &'a str) -> Self {
        Self { dialect, rest: sql, escapes: false }
    }

    /// Skips spaces and comments, and returns whether there were any.
    fn skip_gap(&mut self) -> bool {
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
        // A string continues only on another line, and a block comment in between prevents that.
        self.escapes &= gap.contains(['\n', '\r']) && !has_block;
        !gap.is_empty()
    }

    /// Returns the length of the comment that starts here, or 0.
    fn comment(&self) -> usize {
        let (rest, my) = (self.rest, self.dialect == Dialect::MySql);
        // For MySQL, `5--1` is 6.
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

    /// Returns the kind and the length of the token that starts here.
    fn measure(&mut self) -> Option<(TokenKind, usize)> {
        let rest = self.rest;
        let continues = std::mem::take(&mut self.escapes);
        let first = rest.chars().next()?;
        let (postgres, my, lite) = (Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite);
        Some(match (first, self.dialect) {
            ('\'', dialect) => {
                self.escapes = continues;
                (TokenKind::Literal, quoted(rest, dialect == my || continues))
            }
            ('"', dialect) if dialect == postgres => (TokenKind::Name, quoted(rest, false)),
            ('"', dialect) if dialect == my => (TokenKind::Literal, quoted(rest, true)),
            ('"', _) => (TokenKind::NameOrString, quoted(rest, false)),
            ('`', dialect) if dialect != postgres => (TokenKind::Name, quoted(rest, false)),
            ('[', dialect) if dialect == lite => (TokenKind::Name, rest.find(']').map_or(rest.len(), |end| end + 1)),
            ('$', dialect) if dialect == postgres => dollar(rest),
            (':' | '@' | '$', dialect) if dialect == lite => named_parameter(rest),
            ('?', dialect) if dialect != postgres => {
                (TokenKind::Parameter, 1 + run(&rest[1..], |c| c.is_ascii_digit()))
            }
            (c, _) if c.is_ascii_digit() => (TokenKind::Literal, number(rest)),
            ('.', _) if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => (TokenKind::Literal, number(rest)),
            (c, _) if is_of_word(c) => self.word(),
            (c, _) => (TokenKind::Symbol, c.len_utf8()),
        })
    }

    /// Returns a word, or a string with a letter before it.
    fn word(&mut self) -> (TokenKind, usize) {
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
            return (TokenKind::Literal, length + quoted(after, escapes));
        }
        (TokenKind::Word, length)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let after_gap = self.skip_gap();
        let (kind, length) = self.measure()?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(Token { kind, text, after_gap })
    }
}

/// All databases treat non-ASCII characters as letters.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii() && !c.is_whitespace()
}

/// Returns the length of the prefix of `text` whose characters belong.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Returns the length of a quoted token, with its quotes. A doubled quote doesn't end it.
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

/// Reads a string between `$tag$`s, or `$1`.
fn dollar(text: &str) -> (TokenKind, usize) {
    let digits = run(&text[1..], |c| c.is_ascii_digit());
    if digits > 0 {
        return (TokenKind::Parameter, 1 + digits);
    }
    let tag = 1 + run(&text[1..], |c| is_of_word(c) && c != '$');
    if !text[tag..].starts_with('$') {
        return (TokenKind::Symbol, 1);
    }
    let (mark, inside) = text.split_at(tag + 1);
    (TokenKind::Literal, inside.find(mark).map_or(text.len(), |end| 2 * mark.len() + end))
}

/// Reads `:name`, `@name` or `$name`, or only the character if no name follows.
fn named_parameter(text: &str) -> (TokenKind, usize) {
    match run(&text[1..], is_of_word) {
        0 => (TokenKind::Symbol, 1),
        name => (TokenKind::Parameter, 1 + name),
    }
}

/// Returns the length of a number, with its suffix.
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

    fn kinds(dialect: Dialect, sql: &str) -> Vec<(TokenKind, &str)> {
        Tokens::new(dialect, sql).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn quotes_follow_the_dialect() {
        let quotes = r#""d" `b`"#;
        assert_eq!(kinds(Dialect::PostgreSql, quotes)[0], (TokenKind::Name, r#""d""#));
        assert_eq!(kinds(Dialect::MySql, quotes), [(TokenKind::Literal, r#""d""#), (TokenKind::Name, "`b`")]);
        assert_eq!(kinds(Dialect::Sqlite, quotes), [(TokenKind::NameOrString, r#""d""#), (TokenKind::Name, "`b`")]);
        assert_eq!(kinds(Dialect::Sqlite, "[a b]"), [(TokenKind::Name, "[a b]")]);
        assert_eq!(kinds(Dialect::PostgreSql, "x[1]").len(), 4);
    }

    #[test]
    fn backslash_escapes_follow_the_dialect() {
        let backslash = r"'a\' b 'c'";
        assert_eq!(
            kinds(Dialect::PostgreSql, backslash),
            [(TokenKind::Literal, r"'a\'"), (TokenKind::Word, "b"), (TokenKind::Literal, "'c'")]
        );
        assert_eq!(kinds(Dialect::MySql, backslash)[0], (TokenKind::Literal, r"'a\' b '"));
        assert_eq!(kinds(Dialect::PostgreSql, r"E'a\' b' c")[0], (TokenKind::Literal, r"E'a\' b'"));
        assert_eq!(kinds(Dialect::PostgreSql, "E'a'\n'b\\'c' d").len(), 3, "the string continues with its escapes");
        assert_eq!(kinds(Dialect::PostgreSql, r"E'a' /* c */ 'b\' c").len(), 3, "the string doesn't continue");
        assert_eq!(kinds(Dialect::PostgreSql, "'it''s'"), [(TokenKind::Literal, "'it''s'")]);
    }

    #[test]
    fn comments_are_skipped_and_nest_in_postgresql() {
        let nested = "a /* b /* c */ d */ e";
        assert_eq!(kinds(Dialect::PostgreSql, nested).len(), 2);
        assert_eq!(kinds(Dialect::MySql, nested).len(), 5);
        assert_eq!(kinds(Dialect::MySql, "a # b\nc -- d").len(), 2);
        assert_eq!(kinds(Dialect::MySql, "5--1").len(), 4);
        assert_eq!(kinds(Dialect::Sqlite, "5--1").len(), 1);
        assert_eq!(kinds(Dialect::Sqlite, "a /* b").len(), 1);
    }

    #[test]
    fn numbers_and_parameters_are_single_tokens() {
        for number in ["1", "1.5", ".5", "1e10", "1.5e-3", "0xFFe", "1_000", "2E+7"] {
            for dialect in [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite] {
                assert_eq!(kinds(dialect, number), [(TokenKind::Literal, number)], "{dialect:?}");
            }
        }
        assert_eq!(kinds(Dialect::PostgreSql, "0xe-1").len(), 3);
        assert_eq!(
            kinds(Dialect::PostgreSql, "$12 t1 a$b$c"),
            [(TokenKind::Parameter, "$12"), (TokenKind::Word, "t1"), (TokenKind::Word, "a$b$c")]
        );
        let marked: Vec<_> = kinds(Dialect::Sqlite, "?1 :a @b $c").into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(marked, [TokenKind::Parameter; 4]);
        assert_eq!(
            kinds(Dialect::PostgreSql, "$x$ it's $y$ $x$ z"),
            [(TokenKind::Literal, "$x$ it's $y$ $x$"), (TokenKind::Word, "z")]
        );
    }
}
