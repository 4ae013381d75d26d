//! Samples in an answer of Prometheus.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// A series of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The labels; the name of the metric is `__name__`.
    pub labels: BTreeMap<String, String>,
    /// The present value.
    pub value: f64,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

/// The samples in an answer of `/api/v1/query`.
pub(crate) fn all(answer: &Value) -> Result<Vec<Sample>> {
    let result = &answer["data"]["result"];
    let number = |text: &str| text.parse().with_context(|| format!("not a number: {text}"));
    match answer["data"]["resultType"].as_str() {
        Some("vector") => Vec::<Series>::deserialize(result)?
            .into_iter()
            .map(|series| {
                let (_, value) = series.value.context("a native histogram: ask for its count, sum or quantile")?;
                Ok(Sample { labels: series.metric, value: number(&value)? })
            })
            .collect(),
        Some("scalar") => {
            let (_, value) = <(f64, String)>::deserialize(result)?;
            Ok(vec![Sample { labels: BTreeMap::new(), value: number(&value)? }])
        }
        _ => bail!("neither an instant vector nor a scalar: {answer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn vectors_and_scalars_are_parsed() {
        let vector = json!({"data": {"resultType": "vector", "result": [
            {"metric": {"__name__": "up"}, "value": [1.5, "+Inf"]}]}});
        let found = all(&vector).unwrap();
        assert_eq!((found[0].labels["__name__"].as_str(), found[0].value), ("up", f64::INFINITY));
        let scalar = json!({"data": {"resultType": "scalar", "result": [1.5, "42"]}});
        assert_eq!(all(&scalar).unwrap()[0].value, 42.0);
    }

    #[test]
    fn range_is_refused() {
        assert!(all(&json!({"data": {"resultType": "matrix", "result": []}})).is_err());
    }
}
