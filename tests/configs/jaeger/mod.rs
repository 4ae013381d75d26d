//! The page about reading a trace shows the trace that Jaeger has after the same requests, and its searches find it.
//!
//! `CACHESCOPE_REWRITE_PAGES=true` makes the test write the files that it compares with: trace, picture and text.

mod picture;
mod story;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use cachescope_harness::{Stack, Trace};
use serde_json::{Map, Value, json};

use self::tree::Times;
use crate::files;

const PAGE: &str = "jaeger/README.md";
const SAVED: &str = "jaeger/trace.json";
const PICTURE: &str = "jaeger/trace.svg";

#[test]
fn page_shows_the_trace_of_jaeger_and_its_searches_find_it() -> Result<()> {
    // The same stack for the requests and for the searches.
    let _stack = Stack::shared()?;
    // A unique name, as Jaeger may have traces of earlier runs.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let service = format!("operations.jaeger.{now}");
    let answer = story::answer(&service)?;
    if std::env::var("CACHESCOPE_REWRITE_PAGES").is_ok_and(|value| value == "true") {
        rewrite(&answer)?;
    }
    let saved = Trace::all(&serde_json::from_str(&files::text(SAVED)?)?)?;
    let traces = Trace::all(&answer)?;
    assert_eq!(tree::text(&traces, Times::LeftOut), tree::text(&saved, Times::LeftOut), "{SAVED} has other traces");
    assert_eq!(shown(&files::text(PAGE)?)?, tree::text(&saved, Times::Shown), "{PAGE} shows another trace");
    assert!(files::text(PICTURE)? == picture::drawn(&saved), "{PICTURE} is of another trace");
    has_its_point(&traces)?;
    for search in searches(&files::text(PAGE)?)? {
        search.finds_its_traces(&service, &traces).with_context(|| format!("{search:?}"))?;
    }
    Ok(())
}

/// Checks the links and the parents that the page explains.
fn has_its_point(traces: &[Trace]) -> Result<()> {
    let [leader, follower, stale, renewal, failed] = traces else { bail!("{} traces", traces.len()) };
    let load = leader.named("cache.load product.by_id").next().context("no load")?;
    let waited = follower.named("cache.get product.by_id").next().context("no look-up")?;
    assert_eq!(waited.links().map(|link| &link.span_id).collect::<Vec<_>>(), [&load.span_id]);
    let renewed = renewal.spans.first().context("no renewal")?;
    assert_eq!((renewed.name.as_str(), renewed.parent_id.as_ref()), ("cache.load product.by_id", None));
    assert_eq!(renewed.links().map(|link| &link.trace_id).collect::<Vec<_>>(), [&stale.id]);
    let get = leader.named("cache.get product.by_id").next().context("no look-up")?;
    let asked = leader.named("GET 0").next().context("no command of Redis")?;
    assert_eq!(asked.parent_id.as_ref(), Some(&get.span_id));
    assert!(failed.spans.iter().any(|span| span.tags.get("error").is_some_and(|error| error == "true")));
    Ok(())
}

/// The text of traces in the page: its one block of text.
fn shown(page: &str) -> Result<String> {
    let (_, rest) = page.split_once("```text\n").context("the page shows no trace")?;
    Ok(rest.split_once("```").context("a block without end")?.0.to_owned())
}

fn rewrite(answer: &Value) -> Result<()> {
    let (traces, page) = (Trace::all(answer)?, files::text(PAGE)?);
    fs::write(files::folder().join(SAVED), serde_json::to_string_pretty(answer)? + "\n")?;
    fs::write(files::folder().join(PICTURE), picture::drawn(&traces))?;
    let block = |text: &str| format!("```text\n{text}```");
    let page = page.replacen(&block(&shown(&page)?), &block(&tree::text(&traces, Times::Shown)), 1);
    Ok(fs::write(files::folder().join(PAGE), page)?)
}

/// A row of the page's table of searches.
#[derive(Debug)]
struct Search {
    operation: Option<String>,
    tags: Map<String, Value>,
    min_duration: Option<String>,
    /// The numbers of the traces that it finds.
    finds: BTreeSet<usize>,
}

fn searches(page: &str) -> Result<Vec<Search>> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| Operation |")).skip(2);
    let rows: Vec<Search> = rows.take_while(|line| line.starts_with('|')).map(search).collect::<Result<_>>()?;
    ensure!(rows.len() >= 8, "only {} searches", rows.len());
    Ok(rows)
}

fn search(row: &str) -> Result<Search> {
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
    let [operation, tags, min_duration, finds, _] = cells[..] else { bail!("{row} isn't of five columns") };
    let tags = tags.split_whitespace().map(|tag| {
        let (name, value) = tag.split_once('=').with_context(|| format!("{tag} is no tag"))?;
        Ok((name.to_owned(), json!(value)))
    });
    let some = |cell: &str| Some(cell.to_owned()).filter(|cell| !cell.is_empty());
    let finds = finds.split(", ").map(|number| Ok(number.parse()?)).collect::<Result<_>>()?;
    Ok(Search {
        operation: some(operation),
        tags: tags.collect::<Result<_>>()?,
        min_duration: some(min_duration),
        finds,
    })
}

impl Search {
    fn finds_its_traces(&self, service: &str, traces: &[Trace]) -> Result<()> {
        let tags = Value::Object(self.tags.clone()).to_string();
        let mut query = vec![("service", service), ("limit", "1500"), ("tags", &tags)];
        query.extend(self.operation.as_deref().map(|operation| ("operation", operation)));
        query.extend(self.min_duration.as_deref().map(|least| ("minDuration", least)));
        let found = Trace::all(&Stack::shared()?.jaeger().search(&query)?)?;
        // Other traces of the service aren't part of the story.
        let of_the_story =
            traces.iter().enumerate().filter(|(_, trace)| found.iter().any(|other| other.id == trace.id));
        let found: BTreeSet<usize> = of_the_story.map(|(at, _)| at + 1).collect();
        ensure!(found == self.finds, "it finds {found:?}");
        Ok(())
    }
}
