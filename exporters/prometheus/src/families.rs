//! Metrics of all scopes, sorted into families.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_sdk::metrics::data::{Metric, ResourceMetrics, ScopeMetrics};

use crate::kind::Kind;
use crate::name::Name;
use crate::point;

/// What describes the resource, in both formats.
pub(crate) const TARGET_INFO: &str = "target_info";

/// What shares a name, a type and a description.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    pub(crate) name: Name,
    pub(crate) kind: Kind,
    /// The first that isn't empty.
    pub(crate) help: &'a str,
    /// With the index of its scope.
    pub(crate) metrics: Vec<(usize, &'a Metric)>,
    /// Another family has a name that OpenMetrics would give to this counter, or to a series of it.
    pub(crate) is_shadowed: bool,
    /// No series of another family is called as the times of creation of this one.
    pub(crate) may_have_created: bool,
}

/// A metric that can't be shown beside another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict<'a> {
    pub(crate) instrument: &'a str,
    /// The name it would have.
    pub(crate) family: String,
    pub(crate) points: u64,
}

/// Families by what the text format calls them, the scopes they refer to, and what is left out.
#[derive(Debug)]
pub(crate) struct Families<'a> {
    pub(crate) families: BTreeMap<String, Family<'a>>,
    pub(crate) scopes: Vec<&'a ScopeMetrics>,
    pub(crate) conflicts: Vec<Conflict<'a>>,
}

impl<'a> Families<'a> {
    /// The first metric of a name says what type its family is of. Scopes come in the order of their names, so that it
    /// is the same one at every scrape.
    pub(crate) fn of(collected: &'a ResourceMetrics) -> Self {
        let mut scopes: Vec<_> = collected.scope_metrics().collect();
        scopes.sort_by_key(|scope| (scope.scope().name(), scope.scope().version()));
        let mut families: BTreeMap<String, Family<'a>> = BTreeMap::new();
        let mut series = BTreeSet::from([TARGET_INFO.to_owned()]);
        let mut conflicts = Vec::new();
        let metrics = scopes.iter().enumerate().flat_map(|(index, scope)| scope.metrics().map(move |m| (index, m)));
        for (scope, metric) in metrics {
            let kind = Kind::of(metric.data());
            let name = Name::new(metric.name(), metric.unit(), kind);
            let full = name.full(kind);
            if let Some(family) = families.get_mut(&full).filter(|family| family.kind.as_str() == kind.as_str()) {
                family.metrics.push((scope, metric));
                if family.help.is_empty() {
                    family.help = metric.description();
                }
                continue;
            }
            let names: Vec<_> = kind.suffixes().iter().map(|suffix| format!("{}{suffix}", name.base)).collect();
            if families.contains_key(&full) || names.iter().any(|name| series.contains(name)) {
                let points = point::count(metric.data());
                conflicts.push(Conflict { instrument: metric.name(), family: full, points });
                continue;
            }
            series.extend(names);
            let (help, metrics) = (metric.description(), vec![(scope, metric)]);
            families.insert(full, Family { name, kind, help, metrics, is_shadowed: false, may_have_created: true });
        }
        let taken: BTreeSet<_> = families.keys().cloned().collect();
        for (full, family) in &mut families {
            family.may_have_created = !series.contains(&family.created());
            family.is_shadowed =
                *full != family.name.base && (taken.contains(&family.name.base) || !family.may_have_created);
        }
        Self { families, scopes, conflicts }
    }
}

impl Family<'_> {
    pub(crate) fn created(&self) -> String {
        format!("{}_created", self.name.base)
    }

    pub(crate) fn unit(&self) -> Option<&Cow<'static, str>> {
        self.name.unit.as_ref()
    }
}
