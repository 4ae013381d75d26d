//! Metrics of all scopes, grouped into families.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_sdk::metrics::data::{Metric, ResourceMetrics, ScopeMetrics};

use crate::metric_type::MetricType;
use crate::name::FamilyName;
use crate::point;

/// The name of the series that describes the resource, in both formats.
pub(crate) const TARGET_INFO: &str = "target_info";

/// A metric family: the metrics of one name, type and description.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    pub(crate) name: FamilyName,
    pub(crate) metric_type: MetricType,
    /// The first description that isn't empty.
    pub(crate) help: &'a str,
    /// The metrics, each with the index of its scope.
    pub(crate) metrics: Vec<(usize, &'a Metric)>,
    /// Whether another family has a name that OpenMetrics would give to this counter or to one of its series.
    pub(crate) is_shadowed: bool,
    /// Whether no other family has a series with the name of this family's `_created` series.
    pub(crate) may_have_created: bool,
}

/// A metric that can't be exposed beside another metric.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict<'a> {
    pub(crate) instrument: &'a str,
    /// The family name that the metric would have.
    pub(crate) family: String,
    pub(crate) points: u64,
}

/// Families by their name in the text format, the scopes that they refer to, and the metrics left out.
#[derive(Debug)]
pub(crate) struct Families<'a> {
    pub(crate) families: BTreeMap<String, Family<'a>>,
    pub(crate) scopes: Vec<&'a ScopeMetrics>,
    pub(crate) conflicts: Vec<Conflict<'a>>,
}

impl<'a> Families<'a> {
    /// Groups metrics into families. The first metric of a name sets the type of its family. Scopes are sorted by name,
    /// so the first metric is the same at every scrape.
    pub(crate) fn new(collected: &'a ResourceMetrics) -> Self {
        let mut scopes: Vec<_> = collected.scope_metrics().collect();
        scopes.sort_by_key(|scope| (scope.scope().name(), scope.scope().version()));
        let mut families: BTreeMap<String, Family<'a>> = BTreeMap::new();
        let mut series = BTreeSet::from([TARGET_INFO.to_owned()]);
        let mut conflicts = Vec::new();
        let metrics = scopes.iter().enumerate().flat_map(|(index, scope)| scope.metrics().map(move |m| (index, m)));
        for (scope, metric) in metrics {
            let metric_type = MetricType::from_data(metric.data());
            let name = FamilyName::new(metric.name(), metric.unit(), metric_type);
            let full = name.full(metric_type);
            if let Some(family) =
                families.get_mut(&full).filter(|family| family.metric_type.as_str() == metric_type.as_str())
            {
                family.metrics.push((scope, metric));
                if family.help.is_empty() {
                    family.help = metric.description();
                }
                continue;
            }
            let names: Vec<_> = metric_type.suffixes().iter().map(|suffix| format!("{}{suffix}", name.base)).collect();
            if families.contains_key(&full) || names.iter().any(|name| series.contains(name)) {
                let points = point::count(metric.data());
                conflicts.push(Conflict { instrument: metric.name(), family: full, points });
                continue;
            }
            series.extend(names);
            let (help, metrics) = (metric.description(), vec![(scope, metric)]);
            families
                .insert(full, Family { name, metric_type, help, metrics, is_shadowed: false, may_have_created: true });
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
