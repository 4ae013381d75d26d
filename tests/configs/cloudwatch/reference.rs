//! References to metrics in dashboards and alarms.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use cachescope_tests::contract::Contract;
use serde_json::Value;

/// The default namespace of the exporter.
const NAMESPACE: &str = "cachescope";
/// The dimension that the resource adds to each metric.
const SERVICE: &str = "service.name";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    namespace: String,
    pub(crate) metric: String,
    /// Dimensions with their values; of a search, the dimensions with a value.
    pub(crate) dimensions: BTreeMap<String, String>,
    /// Dimensions of a search without a value.
    open: BTreeSet<String>,
    stat: String,
}

impl Reference {
    /// Reads a line of a graph: namespace, name, and alternating names and values of dimensions.
    pub(crate) fn of_line(words: &[Value], stat: &str) -> Result<Self> {
        let words: Vec<String> =
            words.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<_>>().context("not words")?;
        let [namespace, metric, pairs @ ..] = &words[..] else { bail!("no metric: {words:?}") };
        ensure!(pairs.len() % 2 == 0, "a dimension without value: {words:?}");
        let dimensions = pairs.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let (namespace, metric, open) = (namespace.clone(), metric.clone(), BTreeSet::new());
        Ok(Self { namespace, metric, dimensions, open, stat: stat.to_owned() })
    }

    /// Reads the metric of an alarm: an object with `MetricName` and `Dimensions`.
    fn of_metric(metric: &Value, stat: &Value) -> Result<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"));
        let dimensions = metric["Dimensions"].as_array().context("no dimensions")?.iter();
        let dimensions =
            dimensions.map(|pair| Ok((text(&pair["Name"])?, text(&pair["Value"])?))).collect::<Result<_>>()?;
        let (namespace, metric) = (text(&metric["Namespace"])?, text(&metric["MetricName"])?);
        Ok(Self { namespace, metric, dimensions, open: BTreeSet::new(), stat: text(stat)? })
    }

    /// Reads a search; returns one reference for each of its alternatives.
    fn of_search(query: &str, stat: &str) -> Result<Vec<Self>> {
        let (schema, terms) =
            query.strip_prefix('{').and_then(|rest| rest.split_once('}')).context("a search without a schema")?;
        let mut names = schema.split(',').map(|name| name.trim_matches('"').to_owned());
        let namespace = names.next().context("an empty schema")?;
        let open: BTreeSet<String> = names.collect();
        let (mut metric, mut found) = (None, vec![BTreeMap::new()]);
        for term in terms.replace(" OR ", "|").split_whitespace() {
            let mut alternatives = Vec::new();
            for one in term.trim_matches(['(', ')']).split('|') {
                let (name, value) = one.split_once('=').with_context(|| format!("{one} is no term"))?;
                alternatives.push((name.trim_matches('"').to_owned(), value.trim_matches('"').to_owned()));
            }
            match &alternatives[..] {
                [(name, value)] if name == "MetricName" => metric = Some(value.clone()),
                _ => {
                    let with = |of: &BTreeMap<String, String>| {
                        let of = of.clone();
                        alternatives.clone().into_iter().map(move |pair| of.clone().into_iter().chain([pair]).collect())
                    };
                    found = found.iter().flat_map(with).collect();
                }
            }
        }
        let metric = metric.context("a search for no metric")?;
        let reference = |dimensions: BTreeMap<String, String>| {
            let known = dimensions.keys().find(|name| !open.contains(*name));
            ensure!(known.is_none(), "{known:?} isn't in the schema of {query}");
            let open = open.iter().filter(|name| !dimensions.contains_key(*name)).cloned().collect();
            Ok(Self { namespace: namespace.clone(), metric: metric.clone(), dimensions, open, stat: stat.to_owned() })
        };
        found.into_iter().map(reference).collect()
    }

    /// The name of the metric and the names of its dimensions, which identify a kind of series.
    pub(crate) fn kind(&self) -> (String, BTreeSet<String>) {
        (self.metric.clone(), self.dimensions.keys().chain(&self.open).cloned().collect())
    }

    /// All names and values of the reference.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let dimensions = self.dimensions.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        dimensions.chain(self.open.iter().map(String::as_str)).chain([self.namespace.as_str(), self.metric.as_str()])
    }

    /// Checks that it is in the contract, and that its statistic makes sense for the instrument.
    pub(crate) fn check(&self, contract: &Contract) -> Result<()> {
        ensure!(self.namespace == NAMESPACE, "{} is no namespace of ours", self.namespace);
        let metric = contract.metrics.get(&self.metric).with_context(|| format!("no metric {}", self.metric))?;
        for name in self.kind().1.iter().filter(|name| *name != SERVICE) {
            ensure!(metric.attributes.contains_key(name), "{} has no attribute {name}", self.metric);
        }
        for (name, value) in self.dimensions.iter().filter(|(name, _)| *name != SERVICE) {
            match &contract.attributes[name] {
                Some(values) => ensure!(values.contains(value), "{name} is never {value}"),
                None => ensure!(["CACHE_NAME", "cancelled"].contains(&value.as_str()), "{name} is {value}"),
            }
        }
        let makes_sense = match metric.instrument.as_str() {
            "counter" => self.stat == "Sum",
            "histogram" => ["SampleCount", "Maximum", "p50", "p99"].contains(&self.stat.as_str()),
            // Each instance sends its own value: a sum would grow with the number of exports. Ratios have a mean.
            _ => self.stat == "Maximum" || (self.stat == "Average" && metric.unit == "1"),
        };
        ensure!(makes_sense, "{} of a {}, {}", self.stat, metric.instrument, self.metric);
        Ok(())
    }
}

/// The searches in an expression, with their statistics.
fn searches(expression: &str) -> Result<Vec<Reference>> {
    let mut found = Vec::new();
    for search in expression.split("SEARCH(").skip(1) {
        let parts: Vec<&str> = search.split('\'').collect();
        let ["", query, ", ", stat, ..] = parts[..] else { bail!("no search: {search}") };
        found.extend(Reference::of_search(query, stat)?);
    }
    Ok(found)
}

/// All metrics that a dashboard or an alarm refers to.
pub(crate) fn all(file: &Value) -> Result<Vec<Reference>> {
    let mut found = Vec::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for variable in list(&file["variables"]) {
        found.extend(Reference::of_search(variable["search"].as_str().context("no search")?, "Sum")?);
    }
    for shown in list(&file["widgets"]).iter().map(|widget| &widget["properties"]) {
        for line in list(&shown["metrics"]) {
            let line = list(&line);
            let words: Vec<Value> = line.iter().filter(|word| word.is_string()).cloned().collect();
            let options = line.iter().find(|word| word.is_object());
            if let Some(expression) = options.and_then(|options| options["expression"].as_str()) {
                found.extend(searches(expression)?);
                continue;
            }
            let stat = options.and_then(|options| options.get("stat")).unwrap_or(&shown["stat"]);
            found.push(Reference::of_line(&words, stat.as_str().context("no statistic")?)?);
        }
    }
    if file.get("MetricName").is_some() {
        found.push(Reference::of_metric(file, &file["Statistic"])?);
    }
    for query in list(&file["Metrics"]).iter().filter(|query| query.get("MetricStat").is_some()) {
        found.push(Reference::of_metric(&query["MetricStat"]["Metric"], &query["MetricStat"]["Stat"])?);
    }
    Ok(found)
}
