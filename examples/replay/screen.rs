//! Prints the outcome as tables.

use comfy_table::{CellAlignment, Table, presets};

use crate::config::Limit;
use crate::outcome::{HotKey, Outcome, SizePoint, TtlPoint, WorkingSet};

/// Returns the whole outcome as text.
pub(crate) fn text(outcome: &Outcome) -> String {
    let mut parts = vec![head(outcome)];
    if outcome.curve.is_empty() {
        parts.push("Too few requests for a hit-rate curve.".to_owned());
    } else {
        let policy =
            if outcome.own_policy { "" } else { ", simulated with LRU, which isn't this store's eviction policy" };
        parts.push(format!("Predicted hit rate by capacity{policy}:\n{}", curve(outcome)));
        parts.extend(errors(
            outcome.curve.iter().filter(|size| size.multiple != 1.0).map(|size| (size.hit_rate, size.real)),
        ));
    }
    if !outcome.ttl_curve.is_empty() {
        parts.push(format!("Predicted hit rate by TTL:\n{}", ttl_curve(&outcome.ttl_curve)));
        let others = outcome.ttl_curve.iter().filter(|point| Some(point.ttl) != outcome.ttl);
        parts.extend(errors(others.map(|point| (point.hit_rate, point.real))));
    }
    if !outcome.working_sets.is_empty() {
        parts.push(format!("Distinct keys requested:\n{}", working_sets(&outcome.working_sets)));
    }
    // A key whose share may be close to zero isn't hot.
    let hot: Vec<_> = outcome.hot_keys.iter().filter(|hot| hot.error < hot.share / 2.0).collect();
    parts.push(if hot.is_empty() { "No key stands out.".to_owned() } else { format!("Hot keys:\n{}", hot_keys(&hot)) });
    if let Some(loads) = &outcome.wasted_loads {
        parts.push(format!("{} loads; {} of the loaded entries were never hit", loads.loads, percent(loads.unread)));
    }
    parts.extend(outcome.advice.iter().map(|advice| format!("Advice: {advice}")));
    parts.join("\n\n")
}

fn head(outcome: &Outcome) -> String {
    let capacity = match outcome.config.limit {
        Limit::Entries(entries) => format!("{entries} entries"),
        Limit::Bytes(bytes) => format!("{bytes} bytes"),
    };
    let ttl = outcome.ttl.map_or_else(String::new, |ttl| format!(" and a TTL of {}", humantime::format_duration(ttl)));
    format!(
        "{} of {} requests were hits, {}, with a capacity of {capacity}{ttl}\n\
         {:.0} ns for each request; {:.1} s for {:.0} s of the trace",
        outcome.hits,
        outcome.requests,
        percent(outcome.hit_rate),
        outcome.cost_ns_per_request,
        outcome.took.as_secs_f64(),
        outcome.lasted.as_secs_f64(),
    )
}

fn curve(outcome: &Outcome) -> Table {
    let is_checked = outcome.curve.iter().any(|size| size.real.is_some());
    let unit = if matches!(outcome.config.limit, Limit::Bytes(_)) { "bytes" } else { "entries" };
    let row = |size: &SizePoint| {
        let settled = if size.settled { "" } else { "still filling" };
        let predicted = [percent(size.hit_rate), format!("± {:.1}", size.margin * 100.0), settled.to_owned()];
        let cells = [format!("{} ×", size.multiple), size.capacity.to_string()].into_iter().chain(predicted);
        cells.chain(checked(size.hit_rate, size.real)).collect()
    };
    table(&["capacity", unit, "hit rate", "points", ""], is_checked, outcome.curve.iter().map(row))
}

fn ttl_curve(points: &[TtlPoint]) -> Table {
    let is_checked = points.iter().any(|point| point.real.is_some());
    let row = |point: &TtlPoint| {
        let cells = [humantime::format_duration(point.ttl).to_string(), percent(point.hit_rate)];
        cells.into_iter().chain(checked(point.hit_rate, point.real)).collect()
    };
    table(&["TTL", "hit rate"], is_checked, points.iter().map(row))
}

fn working_sets(sets: &[WorkingSet]) -> Table {
    let row = |set: &WorkingSet| vec![humantime::format_duration(set.window).to_string(), set.keys.to_string()];
    table(&["within", "keys"], false, sets.iter().map(row))
}

fn hot_keys(keys: &[&HotKey]) -> Table {
    let row = |hot: &&HotKey| vec![hot.key.clone(), percent(hot.share)];
    table(&["key", "share of requests, about"], false, keys.iter().map(row))
}

/// The errors of predictions, if they were checked.
fn errors(pairs: impl Iterator<Item = (f64, Option<f64>)>) -> Option<String> {
    let errors: Vec<_> = pairs.filter_map(|(predicted, real)| Some((predicted - real?).abs() * 100.0)).collect();
    let worst = errors.iter().copied().reduce(f64::max)?;
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    Some(format!(
        "Predictions were off by {mean:.2} points on average, {worst:.2} at most. In traces of several hours \
         they weight the last hours more."
    ))
}

fn checked(predicted: f64, real: Option<f64>) -> impl Iterator<Item = String> {
    let cells = real.map(|real| [percent(real), format!("{:+.2}", (predicted - real) * 100.0)]);
    cells.into_iter().flatten()
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Creates a table whose columns are numbers, except for the first.
fn table(header: &[&str], is_checked: bool, rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    let more: &[&str] = if is_checked { &["measured", "error, points"] } else { &[] };
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.iter().chain(more));
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
