//! The dashboard and the alarms use metrics that the exporter sends, and CloudWatch's double returns them unchanged.

mod alarm;
mod api;
mod graph;
mod reference;
mod service;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cachescope_tests::contract::Contract;
use serde_json::{Value, json};

use self::api::Api;
use self::service::Service;
use crate::files;

const ALARMS: [&str; 4] = ["hit_rate", "load_errors", "store_errors", "wait_timeouts"];

fn dashboard() -> Result<String> {
    files::text("cloudwatch/dashboard.json")
}

fn alarm_text(name: &str) -> Result<String> {
    files::text(&format!("cloudwatch/alarms/{name}.json"))
}

/// The texts of all files with metrics.
fn texts() -> Result<Vec<String>> {
    ALARMS.into_iter().map(alarm_text).chain([dashboard()]).collect()
}

/// A file with its placeholders filled in, as by the console or `sed`.
fn filled_in(text: &str, service: &str, cache: &str) -> String {
    let places = [("SERVICE_NAME", service), ("CACHE_NAME", cache), ("REGION_NAME", api::REGION), ("TOPIC_ARN", TOPIC)];
    places.into_iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
}

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:on-call";

/// Checks that the metrics of a file are in the contract and are sent with these dimensions.
fn check(text: &str, contract: &Contract, sent: &BTreeSet<(String, BTreeSet<String>)>) -> Result<()> {
    let references = reference::all(&serde_json::from_str(text)?)?;
    ensure!(!references.is_empty(), "it shows nothing");
    for reference in references {
        reference.check(contract)?;
        ensure!(sent.contains(&reference.kind()), "never sent: {reference:?}");
    }
    Ok(())
}

#[test]
fn alarms_are_the_files_of_their_folder() -> Result<()> {
    let files = std::fs::read_dir(files::folder().join("cloudwatch/alarms"))?;
    let names: Vec<String> =
        files.map(|file| Ok(file?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), ALARMS.map(|name| format!("{name}.json")).into());
    Ok(())
}

#[test]
fn dashboard_and_alarms_use_metrics_that_the_exporter_sends() -> Result<()> {
    let (contract, sent) = (Contract::read()?, Service::start()?.sent()?);
    for text in texts()? {
        check(&text, &contract, &sent)?;
        // Every change of a name or a value is found.
        let mut words = BTreeSet::new();
        for reference in reference::all(&serde_json::from_str(&text)?)? {
            words.extend(reference.words().map(str::to_owned));
        }
        words.retain(|word| !["SERVICE_NAME", "CACHE_NAME"].contains(&word.as_str()));
        assert!(words.len() >= 4, "{words:?}");
        for word in words {
            // In JSON, and in a search expression in JSON.
            let changed = text.replace(&format!("\"{word}\""), &format!("\"{word}_\""));
            let changed = changed.replace(&format!("\\\"{word}\\\""), &format!("\\\"{word}_\\\""));
            assert_ne!(changed, text, "{word}");
            assert!(check(&changed, &contract, &sent).is_err(), "{word} may be renamed");
        }
    }
    Ok(())
}

#[test]
fn dashboard_and_alarms_are_returned_unchanged() -> Result<()> {
    let service = Service::start()?;
    let api = Api::of(service.double());
    let body = filled_in(&dashboard()?, service::NAME, service::CACHES[0]);
    let put = api.call("PutDashboard", &json!({ "DashboardName": "caches", "DashboardBody": body }))?;
    assert_eq!(put["DashboardValidationMessages"], json!([]));
    assert_eq!(api.call("GetDashboard", &json!({ "DashboardName": "caches" }))?["DashboardBody"], json!(body));
    for name in ALARMS {
        let put: Value = serde_json::from_str(&filled_in(&alarm_text(name)?, service::NAME, service::CACHES[0]))?;
        api.call("PutMetricAlarm", &put)?;
        let found = api.call("DescribeAlarms", &json!({ "AlarmNames": [put["AlarmName"]] }))?;
        let found = found["MetricAlarms"][0].as_object().with_context(|| format!("no alarm {name}"))?;
        for (member, value) in put.as_object().context("no object")? {
            assert!(is_same(value, &found[member]), "{name}, {member}: {value} became {}", found[member]);
        }
    }
    // Fields outside of the service's model are refused.
    let mut wrong: Value = serde_json::from_str(&alarm_text("store_errors")?)?;
    wrong["TreatMissingdata"] = json!("breaching");
    let refused = api.call("PutMetricAlarm", &wrong).err().context("it was taken")?;
    assert!(refused.to_string().contains("TreatMissingdata"), "{refused}");
    Ok(())
}

/// Whether two values are equal, with any notation of numbers.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_same(value, other)))
        }
        _ => one == other,
    }
}

#[test]
fn graphs_have_data_and_hit_rates_equal_those_of_the_process() -> Result<()> {
    let service = Service::start()?;
    let api = Api::of(service.double());
    let mut empty: BTreeSet<String> = graph::graphs(&dashboard()?)?.into_iter().map(|(title, _)| title).collect();
    assert!(empty.len() >= 15, "{empty:?}");
    for cache in service::CACHES {
        let stats = service.stats(cache)?;
        let body = filled_in(&dashboard()?, service::NAME, cache);
        for (title, queries) in graph::graphs(&body)? {
            let values = api.values(&queries).with_context(|| format!("{title} of {cache}"))?;
            match title.as_str() {
                "Hit rate" => assert_close(&values, stats.hit_rate().context("no request")?),
                "Hit rate of all caches" => assert_close(&values, service.hit_rate()?),
                _ => {}
            }
            if !values.is_empty() {
                empty.remove(&title);
            }
        }
    }
    assert_eq!(empty, BTreeSet::new());
    Ok(())
}

fn assert_close(values: &[f64], share: f64) {
    let [value] = values else { panic!("not one value: {values:?}") };
    // Both are quotients of whole numbers, and one is in percent.
    assert!((value - 100.0 * share).abs() < 1e-9, "{value} % for {share}");
}

fn firing(api: &Api<'_>, cache: &str) -> Result<BTreeSet<&'static str>> {
    let mut firing = BTreeSet::new();
    for name in ALARMS {
        if alarm::is_firing(api, &filled_in(&alarm_text(name)?, service::NAME, cache))? {
            firing.insert(name);
        }
    }
    Ok(firing)
}

#[test]
fn alarms_fire_only_for_the_caches_with_faults() -> Result<()> {
    let service = Service::start()?;
    let api = Api::of(service.double());
    let [troubled, plain, shared] = service::CACHES;
    assert_eq!(firing(&api, troubled)?, BTreeSet::from(["hit_rate", "load_errors", "wait_timeouts"]));
    assert_eq!(firing(&api, shared)?, BTreeSet::from(["hit_rate", "store_errors"]));
    assert_eq!(firing(&api, plain)?, BTreeSet::new());
    assert!(service.stats(plain)?.requests() > 100, "enough to be judged");
    Ok(())
}

#[test]
fn dashboard_draws_the_thresholds_of_the_alarms() -> Result<()> {
    let body: Value = serde_json::from_str(&dashboard()?)?;
    let widgets = body["widgets"].as_array().context("no widgets")?;
    for (title, name) in [("Hit rate", "hit_rate"), ("Loads that failed", "load_errors")] {
        let shown = widgets.iter().map(|widget| &widget["properties"]).find(|shown| shown["title"] == title);
        let drawn = &shown.with_context(|| format!("no graph {title}"))?["annotations"]["horizontal"][0]["value"];
        let alarm: Value = serde_json::from_str(&alarm_text(name)?)?;
        assert!(is_same(drawn, &alarm["Threshold"]), "{title}: {drawn}");
    }
    Ok(())
}
