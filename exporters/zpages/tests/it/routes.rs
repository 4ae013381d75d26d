use axum::Router;
use serde_json::Value;

use crate::{get, page, text, used_cache};

const BROWSER: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

#[tokio::test]
async fn browsers_get_html_and_terminals_a_table() {
    let _cache = used_cache("routes.table").await;
    let (status, kind, html) = page("/", &BROWSER).await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(html.starts_with("<!doctype html>") && html.contains("<base href=\"./\">"), "{html}");
    for headers in [&[("accept", "*/*")][..], &[]] {
        let (status, kind, table) = page("/", headers).await;
        assert_eq!((status, kind.as_str()), (200, "text/plain; charset=utf-8"));
        assert!(table.lines().any(|line| line.starts_with("routes.table ") && line.contains("50.0 %")), "{table}");
    }
}

#[tokio::test]
async fn mounted_page_finds_its_files() {
    for (mounted, asked, base) in
        [("/a/caches", "/a/caches", "./caches/"), ("/a/caches/", "/a/caches/", "./"), ("/a&b", "/a&b", "./a&amp;b/")]
    {
        let app = || Router::new().nest(mounted, cachescope_zpages::router());
        let html = text(get(app(), asked, &BROWSER).await).await;
        assert!(html.contains(&format!("<base href=\"{base}\">")), "{html}");
        let script = format!("{}/assets/page.js", mounted.trim_end_matches('/'));
        assert_eq!(get(app(), &script, &[]).await.status(), 200, "{script}");
    }
}

#[tokio::test]
async fn every_response_has_security_headers() {
    for path in ["/", "/caches.json", "/assets/page.css", "/caches/none", "/events"] {
        let answer = get(cachescope_zpages::router(), path, &BROWSER).await;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert!(header("content-security-policy").starts_with("default-src 'self';"), "{path}");
        assert!(!header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert!(["no-store", "no-cache"].contains(&header("cache-control")), "{path}");
    }
}

#[tokio::test]
async fn all_caches_are_served_as_json() {
    let _cache = used_cache("routes.json").await;
    let (status, kind, json) = page("/caches.json", &[]).await;
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    let all: Value = serde_json::from_str(&json).unwrap();
    let one = all["caches"].as_array().unwrap().iter().find(|one| one["key"] == "routes.json").unwrap();
    assert_eq!((one["requests"].as_u64(), one["hit_rate"].as_f64()), (Some(4), Some(0.5)));
    assert_eq!(one["labels"]["team"], "tests");
}

#[tokio::test]
async fn one_cache_is_served_as_text_and_as_json() {
    let _caches = [used_cache("routes/one").await, used_cache("routes/one").await];
    for path in ["/caches/routes%2Fone", "/caches/routes%2Fone%232"] {
        let (status, kind, report) = page(path, &[]).await;
        assert_eq!((status, kind.as_str()), (200, "text/plain; charset=utf-8"), "{report}");
        assert!(report.contains("team=tests") && report.contains("4 requests in"), "{report}");
        let (status, kind, json) = page(&format!("{path}.json?span=hour"), &[]).await;
        assert_eq!((status, kind.as_str()), (200, "application/json"), "{json}");
        let one: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&one["span"], &one["span_requests"]), (&"hour".into(), &4.into()), "{json}");
        assert!(one["past"].is_array() && one["insight"]["advice"].is_array(), "{json}");
    }
    let (status, _, reason) = page("/caches/routes.none.json", &[]).await;
    assert_eq!((status, reason.as_str()), (404, "no cache \"routes.none\" in this process\n"));
    assert_eq!(page("/caches/routes%2Fone.json?span=year", &[]).await.0, 400);
}

#[tokio::test]
async fn unchanged_files_are_not_sent_again() {
    for (path, expected) in [
        ("/assets/page.css", "text/css; charset=utf-8"),
        ("/assets/page.js", "text/javascript; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
        ("/assets/uplot/uPlot.iife.min.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = get(cachescope_zpages::router(), path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], expected);
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        let again = get(cachescope_zpages::router(), path, &[("if-none-match", &tag)]).await;
        assert_eq!(again.status(), 304, "{path}");
        assert!(text(again).await.is_empty());
    }
    for path in ["/assets/none.js", "/assets/../Cargo.toml", "/assets/"] {
        assert_eq!(page(path, &[]).await.0, 404, "{path}");
    }
}
