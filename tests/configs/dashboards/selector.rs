//! The selectors of an expression, from Prometheus's own parser.

use anyhow::{Context, Result};
use cachescope_harness::Prometheus;
use serde_json::Value;

/// A selector of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    /// The name of the metric, or the names that match.
    pub(crate) metric: Matcher,
    pub(crate) labels: Vec<Matcher>,
}

/// A label and its possible values: one value, or the alternatives of a regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) values: Vec<String>,
}

impl Matcher {
    fn read(matcher: &Value) -> Result<Self> {
        let field = |name: &str| matcher[name].as_str().with_context(|| format!("no {name} in {matcher}"));
        let (label, kind, value) = (field("name")?.to_owned(), field("type")?, field("value")?);
        let values = match kind {
            "=~" | "!~" => alternatives(value),
            _ => vec![value.to_owned()],
        };
        Ok(Self { label, values })
    }
}

/// The alternatives of a regular expression, also within groups. Alternatives with other syntax are kept unchanged.
fn alternatives(expression: &str) -> Vec<String> {
    let Some((before, rest)) = expression.split_once('(') else {
        return expression.split('|').map(str::to_owned).collect();
    };
    // `a|b(c|d)e|f`: the group is part of the alternative around it.
    let Some((inside, after)) = rest.split_once(')') else { return vec![expression.to_owned()] };
    let (whole_before, stem) = before.rsplit_once('|').map_or((None, before), |(whole, stem)| (Some(whole), stem));
    let (tail, whole_after) = match after.find('|') {
        Some(at) if !after[..at].contains('(') => (&after[..at], Some(&after[at + 1..])),
        _ => (after, None),
    };
    let mut words: Vec<String> = whole_before.map(alternatives).unwrap_or_default();
    for word in inside.split('|') {
        words.extend(alternatives(&format!("{stem}{word}{tail}")));
    }
    words.extend(whole_after.map(alternatives).unwrap_or_default());
    words
}

/// All selectors of an expression, and all labels that it groups or joins by.
pub(crate) fn asked_for(prometheus: &Prometheus, expr: &str) -> Result<(Vec<Selector>, Vec<String>)> {
    let (mut selectors, mut labels) = (Vec::new(), Vec::new());
    let tree = prometheus.syntax(expr).with_context(|| expr.to_owned())?;
    walk(&tree, &mut selectors, &mut labels)?;
    Ok((selectors, labels))
}

fn walk(node: &Value, selectors: &mut Vec<Selector>, labels: &mut Vec<String>) -> Result<()> {
    match node {
        Value::Array(nodes) => nodes.iter().try_for_each(|node| walk(node, selectors, labels)),
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str);
            if matches!(kind, Some("vectorSelector" | "matrixSelector")) {
                let matchers = node["matchers"].as_array().context("a selector without matchers")?;
                let read: Vec<Matcher> = matchers.iter().map(Matcher::read).collect::<Result<_>>()?;
                let (name, rest): (Vec<_>, Vec<_>) = read.into_iter().partition(|matcher| matcher.label == "__name__");
                let metric = name.into_iter().next().context("a selector without a name")?;
                selectors.push(Selector { metric, labels: rest });
                return Ok(());
            }
            for (field, inner) in fields {
                let words = if field == "grouping" { Some(inner) } else { inner.get("labels") };
                labels.extend(
                    words.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
                );
                walk(inner, selectors, labels)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[test]
fn regular_expression_is_split_into_its_alternatives() {
    assert_eq!(alternatives("hit|stale"), ["hit", "stale"]);
    assert_eq!(alternatives("a|b_(c|d)_e|f(g|h)"), ["a", "b_c_e", "b_d_e", "fg", "fh"]);
    assert_eq!(alternatives("a_(b|c)_(d|e)"), ["a_b_d", "a_b_e", "a_c_d", "a_c_e"]);
    assert_eq!(alternatives(".*"), [".*"]);
}
