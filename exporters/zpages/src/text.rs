//! The page as text, for terminals.

use cachescope::metrics::LiveCache;

use crate::model::{Overview, Row, advice};
use crate::quantity::{format_bytes, format_nanos};

/// Formats all caches as a table, one line each, in the order of `overview`.
pub(crate) fn table(overview: &Overview) -> String {
    if overview.caches.is_empty() {
        return "no caches in this process\n".to_owned();
    }
    let head = ["cache", "hit rate", "req/s", "load s/s", "load p99", "waiting", "size"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head).chain(overview.caches.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..7).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let [name, numbers @ ..] = line;
        text.push_str(&format!("{name:<0$}", widths[0]));
        for (cell, width) in numbers.iter().zip(&widths[1..]) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        text.push('\n');
    }
    text.push_str("\nlast minute, highest load time first; /caches/{name} shows one cache\n");
    text
}

fn cells(row: &Row) -> [String; 7] {
    let numbers = &row.numbers;
    let size = match (numbers.entry_limit, numbers.bytes, numbers.byte_limit) {
        (Some(limit), ..) => format!("{} / {limit}", numbers.entries),
        (None, Some(bytes), Some(limit)) => format!("{} / {}", format_bytes(bytes), format_bytes(limit)),
        _ => numbers.entries.to_string(),
    };
    [
        row.key.clone(),
        numbers.hit_rate.map_or("-".to_owned(), |rate| format!("{:.1} %", rate * 100.0)),
        format!("{:.1}", numbers.per_second),
        format!("{:.3}", numbers.load_time),
        numbers.load_p99.map_or("-".to_owned(), format_nanos),
        numbers.waiting.to_string(),
        size,
    ]
}

/// Formats one cache: its totals and advice.
pub(crate) fn cache(key: &str, cache: &LiveCache) -> String {
    let labels: Vec<_> = cache.snapshot().labels.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let mut text = format!("{key} ({}){}\n{}\n", cache.store(), labels.concat(), cache.stats());
    for advice in advice(cache) {
        text.push_str(&format!("  -> {advice}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn table_has_aligned_columns_and_the_highest_load_time_first() {
        let fast = cachescope::cached("text.fast", |n: u64| async move { n }).build();
        let slow = cachescope::cached("text.slow.with.a.long.name", |n: u64| async move {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            n
        })
        .build();
        for n in [1, 1, 1, 2] {
            fast.call(n).await;
            slow.call(n).await;
        }
        let text = table(&Overview::read().worst_first());
        let line = |name: &str| text.lines().position(|line| line.starts_with(name)).unwrap();
        assert!(line("text.slow") < line("text.fast"), "{text}");
        assert!(text.lines().nth(line("text.fast")).unwrap().contains("50.0 %"), "{text}");
        let widths: Vec<_> =
            text.lines().take_while(|line| !line.is_empty()).map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
