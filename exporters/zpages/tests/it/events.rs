use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use crate::{ask, used};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first `count` events: names and data.
async fn events(path: &str, count: usize) -> Vec<(String, Value)> {
    let answer = ask(cachescope_zpages::router(), path, &[]).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let (mut told, mut chunks) = (String::new(), answer.into_body().into_data_stream());
    while told.matches("\n\n").count() < count {
        let chunk = timeout(PATIENCE, chunks.next()).await.unwrap().unwrap().unwrap();
        told.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let event = |event: &str| {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        (field("event: ").to_owned(), serde_json::from_str(field("data: ")).unwrap())
    };
    told.split("\n\n").take(count).map(event).collect()
}

#[tokio::test]
async fn names_come_once_and_numbers_with_every_beat() {
    let _cache = used("events.list").await;
    let told = events("/events?sketch=true", 4).await;
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    // Other tests' caches come and go: their names may come again.
    assert_eq!(names[..3], ["names", "sketches", "rows"]);
    let (fields, caches) = (told[0].1["fields"].as_array().unwrap(), told[0].1["caches"].as_array().unwrap());
    let place = caches.iter().position(|cache| cache[0] == "events.list").unwrap();
    let field = fields.iter().position(|field| field == "requests").unwrap();
    assert_eq!(told[2].1["rows"][place][field].as_f64(), Some(4.0));
    assert!(told[1].1[place][0][0].as_u64() == Some(4), "{:?}", told[1]);
}

#[tokio::test]
async fn of_one_cache_more_comes() {
    let _cache = used("events.one").await;
    let told = events("/events?cache=events.one&span=minutes", 4).await;
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["names", "rows", "detail", "insight"]);
    let (_, detail) = &told[2];
    assert_eq!((&detail["key"], &detail["span_requests"]), (&"events.one".into(), &4.into()));
    assert!(!detail["past"].as_array().unwrap().is_empty());
    let results = detail["results"].as_array().unwrap();
    assert_eq!((&results[0]["what"], &results[0]["count"]), (&"hit".into(), &2.into()));
}

#[tokio::test]
async fn a_cache_that_is_gone_is_said_to_be() {
    let told = events("/events?cache=events.never", 3).await;
    assert_eq!(told[2], ("gone".to_owned(), "events.never".into()));
}
