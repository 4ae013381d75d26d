use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use crate::{get, used_cache};

/// The time after which a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the first `count` events of a stream: names and data.
async fn events(path: &str, count: usize) -> Vec<(String, Value)> {
    let answer = get(cachescope_zpages::router(), path, &[]).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let (mut received, mut chunks) = (String::new(), answer.into_body().into_data_stream());
    while received.matches("\n\n").count() < count {
        let chunk = timeout(PATIENCE, chunks.next()).await.unwrap().unwrap().unwrap();
        received.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let event = |event: &str| {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        (field("event: ").to_owned(), serde_json::from_str(field("data: ")).unwrap())
    };
    received.split("\n\n").take(count).map(event).collect()
}

#[tokio::test]
async fn stream_begins_with_names_sparklines_and_numbers() {
    let _cache = used_cache("events.list").await;
    let events = events("/events?sketch=true", 4).await;
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    // Other tests create and drop caches, so names may be sent again.
    assert_eq!(names[..3], ["names", "sketches", "rows"]);
    let (fields, caches) = (events[0].1["fields"].as_array().unwrap(), events[0].1["caches"].as_array().unwrap());
    let row = caches.iter().position(|cache| cache[0] == "events.list").unwrap();
    let field = fields.iter().position(|field| field == "requests").unwrap();
    assert_eq!(events[2].1["rows"][row][field].as_f64(), Some(4.0));
    assert!(events[1].1[row][0][0].as_u64() == Some(4), "{:?}", events[1]);
}

#[tokio::test]
async fn stream_of_a_selected_cache_has_details_and_insight() {
    let _cache = used_cache("events.one").await;
    let events = events("/events?cache=events.one&span=minutes", 4).await;
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["names", "rows", "detail", "insight"]);
    let (_, detail) = &events[2];
    assert_eq!((&detail["key"], &detail["span_requests"]), (&"events.one".into(), &4.into()));
    assert!(!detail["past"].as_array().unwrap().is_empty());
    let results = detail["results"].as_array().unwrap();
    assert_eq!((&results[0]["what"], &results[0]["count"]), (&"hit".into(), &2.into()));
}

#[tokio::test]
async fn stream_reports_a_cache_that_does_not_exist() {
    let events = events("/events?cache=events.never", 3).await;
    assert_eq!(events[2], ("gone".to_owned(), "events.never".into()));
}
