use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cachescope_exporter::ConfigError;
use opentelemetry::{KeyValue, Value};

use crate::{Error, sanitize};

/// Selects the attributes that become dimensions of CloudWatch, and so the number of metrics that are billed.
///
/// A metric of CloudWatch is a name with one set of dimensions. Each combination of values is a separate metric, is billed
/// as one, and isn't aggregated with the others by CloudWatch.
///
/// A selection is a list separated by commas:
///
/// - `*` selects every attribute of the metric.
/// - A name selects the attribute of that name, or the resource's attribute if the metric has none of that name.
/// - `-name` excludes the attribute.
///
/// Points whose selected attributes are equal are merged. Counters, histograms (by bucket) and up-down counters, such as
/// the number of entries, are added. Of gauges, such as the longest wait, the largest value is sent.
///
/// Several lists, separated by semicolons, make several metrics of each point. The second and later ones are roll-ups.
/// Each of them is billed.
///
/// ```
/// use cachescope_cloudwatch::Dimensions;
///
/// // The default: the service and all attributes of the metric.
/// assert_eq!(Dimensions::default().to_string(), "service.name,*");
/// // All attributes but the store, and a roll-up of all caches.
/// let dimensions: Dimensions = "service.name,*,-cachescope.store;service.name".parse()?;
/// # Ok::<(), cachescope_cloudwatch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimensions {
    selections: Vec<Selection>,
}

/// One list of attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Selection {
    all: bool,
    names: Vec<String>,
    excluded: Vec<String>,
}

/// Dimensions as CloudWatch accepts them, sorted by name.
pub(crate) type DimensionSet = Arc<[(String, String)]>;

const RULE: &str = "a list such as `service.name,*` or `service.name,*,-attribute;service.name` (names, `*` and `-name`, \
     separated by commas; several lists separated by semicolons)";

impl Default for Dimensions {
    fn default() -> Self {
        let names = vec!["service.name".to_owned()];
        Self { selections: vec![Selection { all: true, names, excluded: Vec::new() }] }
    }
}

impl FromStr for Dimensions {
    type Err = Error;

    /// # Errors
    ///
    /// A list is empty, has an empty item, or has only exclusions.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| ConfigError::new("dimensions", RULE, text).into())
    }
}

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, set) in self.selections.iter().enumerate() {
            let names = set.names.iter().cloned().chain(set.all.then(|| "*".to_owned()));
            let terms: Vec<String> = names.chain(set.excluded.iter().map(|name| format!("-{name}"))).collect();
            write!(f, "{}{}", if at > 0 { ";" } else { "" }, terms.join(","))?;
        }
        Ok(())
    }
}

impl Dimensions {
    pub(crate) const RULE: &'static str = RULE;

    pub(crate) fn read(text: &str) -> Option<Self> {
        let selections = text.split(';').map(Selection::read).collect::<Option<_>>()?;
        Some(Self { selections })
    }

    /// Returns the dimension sets of a point, in the order of the lists. Equal sets are one set, so that the point isn't
    /// counted twice in it.
    pub(crate) fn sets<'a>(
        &self,
        attributes: &[&KeyValue],
        resource: &impl Fn(&str) -> Option<&'a Value>,
    ) -> Vec<DimensionSet> {
        let mut sets: Vec<DimensionSet> = Vec::with_capacity(self.selections.len());
        for selection in &self.selections {
            let set = selection.set(attributes, resource);
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets
    }
}

impl Selection {
    fn read(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for term in text.split(',').map(str::trim) {
            match (term, term.strip_prefix('-').map(str::trim)) {
                ("" | "-", _) => return None,
                ("*", _) => set.all = true,
                (_, Some(name)) => set.excluded.push(name.to_owned()),
                (name, None) => set.names.push(name.to_owned()),
            }
        }
        (set.all || !set.names.is_empty()).then_some(set)
    }

    fn set<'a>(&self, attributes: &[&KeyValue], resource: &impl Fn(&str) -> Option<&'a Value>) -> DimensionSet {
        let attribute = |name: &str| attributes.iter().find(|attribute| attribute.key.as_str() == name);
        let named = self.names.iter().filter_map(|name| {
            let value = attribute(name).map(|attribute| &attribute.value).or_else(|| resource(name))?;
            Some((name.as_str(), value))
        });
        let all = attributes.iter().filter(|_| self.all).map(|attribute| (attribute.key.as_str(), &attribute.value));
        let kept = named.chain(all).filter(|(name, _)| !self.excluded.iter().any(|excluded| excluded == name));
        // CloudWatch refuses blank values, so they are left out.
        let mut set: Vec<(String, String)> = kept
            .filter_map(|(name, value)| {
                let value = value.as_str();
                Some((sanitize::dimension_name(name)?.into_owned(), sanitize::dimension_value(&value)?.into_owned()))
            })
            .collect();
        set.sort();
        set.dedup_by(|next, kept| next.0 == kept.0);
        set.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(text: &str) -> Vec<Vec<(String, String)>> {
        let attributes = [
            KeyValue::new("cache", "user"),
            KeyValue::new("result", "hit"),
            KeyValue::new("blank", " "),
            KeyValue::new("size", 7),
        ];
        let service = Value::from("api");
        let resource = |name: &str| (name == "service.name").then_some(&service);
        let sets = Dimensions::read(text)
            .map(|dimensions| dimensions.sets(&attributes.each_ref(), &resource))
            .unwrap_or_default();
        sets.iter().map(|set| set.to_vec()).collect()
    }

    fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn lists_select_all_some_or_all_but_some_attributes() {
        let all = set(&[("cache", "user"), ("result", "hit"), ("service.name", "api"), ("size", "7")]);
        assert_eq!(sets("service.name,*"), std::slice::from_ref(&all));
        assert_eq!(sets("*, -result, -size"), [set(&[("cache", "user")])]);
        assert_eq!(sets("cache,region"), [set(&[("cache", "user")])]);
        assert_eq!(sets("service.name,*;service.name"), [all, set(&[("service.name", "api")])]);
    }

    #[test]
    fn equal_sets_of_a_point_are_merged() {
        assert_eq!(sets("cache;cache,region;nothing"), [set(&[("cache", "user")]), set(&[])]);
    }

    #[test]
    fn invalid_list_is_refused() {
        for wrong in ["", " ", "a,,b", "a;", "-a", "-", "a,-"] {
            let error = wrong.parse::<Dimensions>().map(|_| wrong).unwrap_err().to_string();
            assert!(error.contains("dimensions must be") && error.contains("service.name,*"), "{error}");
        }
        for right in ["service.name,*", "*", "a,b;c", "*,-a"] {
            assert_eq!(right.parse::<Dimensions>().unwrap().to_string(), right);
        }
    }
}
