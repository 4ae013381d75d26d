use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use opentelemetry::{KeyValue, Value};

use crate::{Error, text};

/// Which attributes become dimensions of CloudWatch.
///
/// A metric of CloudWatch is a name with one set of dimensions: each combination of values is a metric of its own, is
/// billed as one, and isn't added up with the others by CloudWatch. What costs is therefore chosen here.
///
/// Written as a list with commas: `*` is every attribute of the metric, a name is the attribute or, where the metric has
/// none of that name, the resource's; `-name` leaves that attribute out. Points that become equal by what is left out
/// are made one: counters and histograms (by bucket) are added up, and so are up-down counters such as a number of
/// entries (the last one of each). Of gauges, such as the longest wait, the largest stands for them all.
///
/// Several lists with semicolons between are as many metrics for each point: the second and later ones are roll-ups of
/// the first, each to be paid for.
///
/// ```
/// use cachescope_cloudwatch::Dimensions;
///
/// // The default: the service, the cache's name, and whatever else the metric tells apart.
/// assert_eq!(Dimensions::default().to_string(), "service.name,*");
/// // Without the store, and a total of all caches beside it.
/// let dimensions: Dimensions = "service.name,*,-cachescope.store;service.name".parse()?;
/// # Ok::<(), cachescope_cloudwatch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimensions {
    sets: Vec<Set>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    all: bool,
    names: Vec<String>,
    without: Vec<String>,
}

/// Names and values, by name, as CloudWatch takes them.
pub(crate) type DimensionSet = Arc<[(String, String)]>;

const ACCEPTED: &str = "a list such as `service.name,*` or `service.name,*,-attribute;service.name`: names, `*` and `-names` with commas, \
     and semicolons between lists, each of which is metrics of its own";

impl Default for Dimensions {
    fn default() -> Self {
        let set = Set { all: true, names: vec!["service.name".to_owned()], without: Vec::new() };
        Self { sets: vec![set] }
    }
}

impl FromStr for Dimensions {
    type Err = Error;

    /// # Errors
    ///
    /// A list is empty, has an empty place, or leaves something out where nothing is in.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::read(text).ok_or_else(|| Error::setting("dimensions", text, ACCEPTED))
    }
}

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, set) in self.sets.iter().enumerate() {
            let names = set.names.iter().cloned().chain(set.all.then(|| "*".to_owned()));
            let terms: Vec<String> = names.chain(set.without.iter().map(|name| format!("-{name}"))).collect();
            write!(f, "{}{}", if at > 0 { ";" } else { "" }, terms.join(","))?;
        }
        Ok(())
    }
}

impl Dimensions {
    pub(crate) const ACCEPTED: &'static str = ACCEPTED;

    pub(crate) fn read(text: &str) -> Option<Self> {
        let sets = text.split(';').map(Set::read).collect::<Option<_>>()?;
        Some(Self { sets })
    }

    /// The sets of a point, the first one first. Equal ones are one, lest the point count twice in it.
    pub(crate) fn of<'a>(
        &self,
        attributes: &[&KeyValue],
        resource: &impl Fn(&str) -> Option<&'a Value>,
    ) -> Vec<DimensionSet> {
        let mut sets: Vec<DimensionSet> = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            let set = set.of(attributes, resource);
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets
    }
}

impl Set {
    fn read(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for term in text.split(',').map(str::trim) {
            match (term, term.strip_prefix('-').map(str::trim)) {
                ("" | "-", _) => return None,
                ("*", _) => set.all = true,
                (_, Some(name)) => set.without.push(name.to_owned()),
                (name, None) => set.names.push(name.to_owned()),
            }
        }
        (set.all || !set.names.is_empty()).then_some(set)
    }

    fn of<'a>(&self, attributes: &[&KeyValue], resource: &impl Fn(&str) -> Option<&'a Value>) -> DimensionSet {
        let attribute = |name: &str| attributes.iter().find(|attribute| attribute.key.as_str() == name);
        let named = self.names.iter().filter_map(|name| {
            let value = attribute(name).map(|attribute| &attribute.value).or_else(|| resource(name))?;
            Some((name.as_str(), value))
        });
        let all = attributes.iter().filter(|_| self.all).map(|attribute| (attribute.key.as_str(), &attribute.value));
        let kept = named.chain(all).filter(|(name, _)| !self.without.iter().any(|without| without == name));
        // What is blank can't be said; to CloudWatch it is not there.
        let mut said: Vec<(String, String)> = kept
            .filter_map(|(name, value)| {
                let value = value.as_str();
                Some((text::dimension_name(name)?.into_owned(), text::dimension_value(&value)?.into_owned()))
            })
            .collect();
        said.sort();
        said.dedup_by(|next, kept| next.0 == kept.0);
        said.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Vec<(String, String)>> {
        let attributes = [
            KeyValue::new("cache", "user"),
            KeyValue::new("result", "hit"),
            KeyValue::new("blank", " "),
            KeyValue::new("size", 7),
        ];
        let service = Value::from("api");
        let resource = |name: &str| (name == "service.name").then_some(&service);
        let sets = Dimensions::read(text).map(|read| read.of(&attributes.each_ref(), &resource)).unwrap_or_default();
        sets.iter().map(|set| set.to_vec()).collect()
    }

    fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn all_some_and_all_but_some() {
        let all = set(&[("cache", "user"), ("result", "hit"), ("service.name", "api"), ("size", "7")]);
        assert_eq!(of("service.name,*"), std::slice::from_ref(&all));
        assert_eq!(of("*, -result, -size"), [set(&[("cache", "user")])]);
        assert_eq!(of("cache,region"), [set(&[("cache", "user")])]);
        assert_eq!(of("service.name,*;service.name"), [all, set(&[("service.name", "api")])]);
    }

    #[test]
    fn equal_sets_of_a_point_are_one() {
        assert_eq!(of("cache;cache,region;nothing"), [set(&[("cache", "user")]), set(&[])]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in ["", " ", "a,,b", "a;", "-a", "-", "a,-"] {
            let error = wrong.parse::<Dimensions>().map(|_| wrong).unwrap_err().to_string();
            assert!(error.contains("dimensions is") && error.contains("service.name,*"), "{error}");
        }
        for right in ["service.name,*", "*", "a,b;c", "*,-a"] {
            assert_eq!(right.parse::<Dimensions>().unwrap().to_string(), right);
        }
    }
}
