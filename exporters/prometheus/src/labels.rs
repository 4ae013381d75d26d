//! Labels, which both formats write alike.

use std::fmt::Write;

use hashbrown::HashMap;
use opentelemetry::{InstrumentationScope, KeyValue, Value};

use crate::name;

const SCOPE: &str = "otel_scope_";

/// Writes attributes as labels, for the duration of one scrape.
///
/// Labels are sorted by name. Attributes whose names convert to the same label name become one label, with their values
/// joined by `;`. Empty values are omitted: to Prometheus, they equal missing labels. An attribute with a reserved name
/// (`le`, `otel_scope_name`) becomes `exported_le`, as in Prometheus itself.
#[derive(Debug, Default)]
pub(crate) struct Labels<'a> {
    /// Label names. There are few names and many points, so each name is converted once.
    names: Vec<String>,
    known: HashMap<&'a str, usize, foldhash::fast::RandomState>,
    sorted: Vec<(usize, &'a KeyValue)>,
    value: String,
}

impl<'a> Labels<'a> {
    /// Appends `name="value"` for every attribute, separated by commas.
    pub(crate) fn write(&mut self, attributes: &mut dyn Iterator<Item = &'a KeyValue>, out: &mut String) {
        self.sorted.clear();
        for attribute in attributes {
            let known = self.known.get(attribute.key.as_str()).copied();
            let name = known.unwrap_or_else(|| self.learn(attribute.key.as_str()));
            self.sorted.push((name, attribute));
        }
        let Self { names, sorted, value, .. } = self;
        sorted.sort_by(|(a, one), (b, other)| {
            names[*a].cmp(&names[*b]).then_with(|| one.key.as_str().cmp(other.key.as_str()))
        });
        let mut written: Option<&str> = None;
        for (name, attribute) in &*sorted {
            let text = match &attribute.value {
                Value::String(text) => text.as_str(),
                other => {
                    value.clear();
                    // Writing into a string can't fail.
                    let _ = write!(value, "{other}");
                    value.as_str()
                }
            };
            if text.is_empty() {
                continue;
            }
            let name = names[*name].as_str();
            if written == Some(name) {
                out.pop();
                out.push(';');
            } else {
                separate(out, written.is_some());
                out.push_str(name);
                out.push_str("=\"");
            }
            escape(text, out);
            out.push('"');
            written = Some(name);
        }
    }

    fn learn(&mut self, attribute: &'a str) -> usize {
        let mut name = name::label(attribute);
        if name == "le" || name.starts_with(SCOPE) {
            name.insert_str(0, "exported_");
        }
        self.names.push(name);
        self.known.insert(attribute, self.names.len() - 1);
        self.names.len() - 1
    }
}

/// Returns the labels of an instrumentation scope, as text.
pub(crate) fn scope_labels(scope: &InstrumentationScope) -> String {
    let mut out = String::new();
    let given = [("name", Some(scope.name())), ("version", scope.version()), ("schema_url", scope.schema_url())];
    for (name, value) in given {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            push(&format!("{SCOPE}{name}"), value, &mut out);
        }
    }
    let mut attributes: Vec<(String, String)> =
        scope.attributes().map(|kv| (name::label(kv.key.as_str()), kv.value.to_string())).collect();
    attributes.sort();
    attributes.dedup_by(|later, first| later.0 == first.0);
    for (name, value) in attributes {
        if !value.is_empty() && !given.iter().any(|(taken, _)| *taken == name) {
            push(&format!("{SCOPE}{name}"), &value, &mut out);
        }
    }
    out
}

fn push(name: &str, value: &str, out: &mut String) {
    separate(out, !out.is_empty());
    out.push_str(name);
    out.push_str("=\"");
    escape(value, out);
    out.push('"');
}

fn separate(out: &mut String, needed: bool) {
    if needed {
        out.push(',');
    }
}

/// Appends text escaped for double quotes, as both formats require.
pub(crate) fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use opentelemetry::Array;

    use super::*;

    fn written(attributes: &[KeyValue]) -> String {
        let mut out = String::new();
        Labels::default().write(&mut attributes.iter(), &mut out);
        out
    }

    #[test]
    fn labels_are_sorted_by_name() {
        let attributes = [KeyValue::new("b.c", 2), KeyValue::new("a", "x\"y\\z\n"), KeyValue::new("empty", "")];
        assert_eq!(written(&attributes), r#"a="x\"y\\z\n",b_c="2""#);
        let list = Value::Array(Array::String(vec!["p".into(), "q".into()]));
        assert_eq!(written(&[KeyValue::new("list", list)]), r#"list="[\"p\",\"q\"]""#);
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn attributes_with_the_same_label_name_become_one_label() {
        assert_eq!(written(&[KeyValue::new("a_b", "2"), KeyValue::new("a.b", "1")]), r#"a_b="1;2""#);
    }

    #[test]
    fn reserved_label_names_get_a_prefix() {
        let attributes = [KeyValue::new("le", "1"), KeyValue::new("otel.scope.name", "x")];
        assert_eq!(written(&attributes), r#"exported_le="1",exported_otel_scope_name="x""#);
    }

    #[test]
    fn scope_labels_have_name_version_and_attributes() {
        let scope = InstrumentationScope::builder("shop")
            .with_version("1.2")
            .with_attributes([KeyValue::new("name", "another"), KeyValue::new("team", "a")])
            .build();
        assert_eq!(scope_labels(&scope), r#"otel_scope_name="shop",otel_scope_version="1.2",otel_scope_team="a""#);
    }
}
