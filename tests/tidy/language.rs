//! Plain English in names, comments, texts and pages: words and openings that readers stumble over occur nowhere.

use std::collections::HashMap;
use std::path::Path;

use super::{files, root};

/// Words and phrases that have a plainer form, which is given beside each. A dot keeps this list from being found itself.
const BANNED: &[(&str, &str)] = &[
    ("to.ld", "reported, counted, returned"),
    ("tell o.f", "report"),
    ("tells o.f", "reports"),
    ("who.ever", "callers, a caller"),
    ("who.m", "repeat the noun"),
    ("a.new", "again"),
    ("in ear.nest", "really, or nothing"),
    ("de.ar", "expensive"),
    ("de.arer", "more expensive"),
    ("be.held", "seen"),
    ("nobody'.s", "repeat the noun"),
    ("their li.kes", "their counterparts"),
    ("name.sake", "a cache of the same name"),
    ("name.sakes", "caches of the same name"),
    ("so ma.ny", "name the number"),
    ("so mu.ch", "name the amount"),
    ("so lo.ng", "name the time"),
    ("gone ab.out", "used, accessed"),
    ("go ab.out", "use, access"),
    ("come b.y", "obtain"),
    ("came b.y", "obtained"),
    ("comes b.y", "obtains"),
    ("stands f.or", "represents, means"),
    ("one's o.wn", "your own"),
    ("leave as.ide", "skip"),
    ("leaves as.ide", "skips"),
    ("left as.ide", "skipped"),
    ("me.nd", "repair, fix"),
    ("fo.lk", "people, users"),
    ("thi.ther", "there"),
    ("hi.ther", "here"),
    ("there.of", "of it"),
    ("he.nce", "so, therefore"),
    ("whe.nce", "from where"),
    ("le.st", "so that ... not"),
    ("nou.ght", "nothing"),
    ("au.ght", "anything"),
    ("e.re", "before"),
    ("in va.in", "without effect"),
    ("be.times", "in time"),
    ("is to b.e", "must be, or will be"),
    ("are to b.e", "must be, or will be"),
];

/// Words that no doc comment begins with: readers look for a noun or a verb. A dot as above.
const OPENINGS: &[&str] = &["What", "How", "Who", "That", "Those", "Has", "Says", "Who.ever", "So"];

const EXTENSIONS: &[&str] = &["rs", "md", "yaml", "json", "html", "js"];

/// Files that are somebody else's text, and why.
const EXCEPT: &[(&str, &str)] = &[
    ("exporters/zpages/assets/uplot/", "a library of others, as it was published"),
    ("package-lock.json", "written by npm"),
    ("collector-config/jaeger/trace.json", "an answer of Jaeger"),
];

/// A place in a text: a line, from 1, and what is wrong with it.
type Finding = (usize, String);

/// A word in lower case, where it begins and where it ends.
type Word = (String, usize, usize);

/// The words of a text. An identifier is as many words as it has parts, in `snake_case` and in `CamelCase`.
fn words(text: &str) -> Vec<Word> {
    let (mut words, mut word, mut start, mut before) = (Vec::new(), String::new(), 0, ' ');
    for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        let is_next_part = before.is_lowercase() && letter.is_uppercase();
        if (!letter.is_alphabetic() || is_next_part) && !word.is_empty() {
            words.push((std::mem::take(&mut word), start, at));
        }
        if letter.is_alphabetic() {
            if word.is_empty() {
                start = at;
            }
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

/// Whether two words with this between them can be of one phrase, also over the end of a line of comments.
fn joins(between: &str) -> bool {
    between.chars().all(|letter| letter.is_whitespace() || "_-'’/!#*>".contains(letter))
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Every banned word and phrase of a text.
fn banned(text: &str) -> Vec<Finding> {
    let mut by_first: HashMap<String, Vec<(Vec<String>, &str)>> = HashMap::new();
    for (phrase, instead) in BANNED {
        let phrase: Vec<String> = words(&phrase.replace('.', "")).into_iter().map(|(word, ..)| word).collect();
        by_first.entry(phrase[0].clone()).or_default().push((phrase, instead));
    }
    let (words, mut found) = (words(text), Vec::new());
    for (at, (first, start, _)) in words.iter().enumerate() {
        for (phrase, instead) in by_first.get(first).into_iter().flatten() {
            let Some(here) = words.get(at..at + phrase.len()) else { continue };
            let is_same = here.iter().zip(phrase).all(|((word, ..), wanted)| word == wanted);
            if is_same && here.windows(2).all(|pair| joins(&text[pair[0].2..pair[1].1])) {
                found.push((line(text, *start), format!("{:?}: {instead}", phrase.join(" "))));
            }
        }
    }
    found
}

/// Every doc comment of a Rust file that begins with one of [`OPENINGS`].
fn openings(text: &str) -> Vec<Finding> {
    let marker = |line: &str| {
        let line = line.trim_start();
        ["//!", "///"].into_iter().find(|marker| line.starts_with(marker) && !line.starts_with("////"))
    };
    let (mut found, mut before) = (Vec::new(), None);
    for (number, line) in (1..).zip(text.lines()) {
        let this = marker(line);
        if let (Some(marker), true) = (this, this != before) {
            let (_, comment) = line.split_once(marker).unwrap_or_default();
            let first = comment.trim_start().split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
            if OPENINGS.iter().any(|opening| opening.replace('.', "") == first) {
                found.push((number, format!("a doc comment begins with {first:?}: begin with a verb or a noun")));
            }
        }
        before = this;
    }
    found
}

fn findings(path: &Path, text: &str) -> Vec<Finding> {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    let openings = if is_rust { openings(text) } else { Vec::new() };
    banned(text).into_iter().chain(openings).collect()
}

#[test]
fn repository_is_written_in_plain_english() {
    let mut wrong = Vec::new();
    let files = files(EXTENSIONS).unwrap();
    assert!(files.len() > 400, "only {} files found", files.len());
    for path in files {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if EXCEPT.iter().any(|(except, _)| name.starts_with(except) || name.ends_with(except)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        wrong.extend(findings(&path, &text).into_iter().map(|(line, what)| format!("{name}:{line}: {what}")));
    }
    assert!(wrong.is_empty(), "{} places:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn banned_words_are_found_in_prose_names_and_over_line_ends() {
    let word = "to.ld".replace('.', "");
    let phrase = |end: &str| format!("The key is to{end} be removed.");
    for (text, lines) in [
        (format!("It is {word}."), vec![1]),
        (format!("\nlet is_{word} = 1;\nstruct {}{};", "Not", "To.ld".replace('.', "")), vec![2, 3]),
        (format!("{word}{word} un{word} {word}s"), vec![]),
        (phrase(" "), vec![1]),
        (phrase("\n    /// "), vec![1]),
        (phrase(". "), vec![]),
        ("A cache counts its hits.".to_owned(), vec![]),
    ] {
        let found: Vec<usize> = banned(&text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(found, lines, "{text:?}");
    }
}

#[test]
fn openings_are_found_at_the_start_of_a_doc_comment_only() {
    let lines =
        ["//! What this is.", "", "/// The key.", "/// How long it is.", "struct A;", "    /// So it is.", "// What?"];
    let found: Vec<usize> = openings(&lines.join("\n")).into_iter().map(|(line, _)| line).collect();
    assert_eq!(found, [1, 6]);
}
