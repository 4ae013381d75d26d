//! The list as a terminal shows it.

use cachescope::LiveCache;

use crate::model::{Overview, Row, advice};

/// All caches, the worst first: one line each, in columns.
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
    text.push_str("\nof the last minute, most load time first; /caches/{name} says more of one\n");
    text
}

fn cells(row: &Row) -> [String; 7] {
    let numbers = &row.numbers;
    let size = match (numbers.entry_limit, numbers.bytes, numbers.byte_limit) {
        (Some(limit), ..) => format!("{} / {limit}", numbers.entries),
        (None, Some(bytes), Some(limit)) => format!("{} / {}", sized(bytes), sized(limit)),
        _ => numbers.entries.to_string(),
    };
    [
        row.key.clone(),
        numbers.hit_rate.map_or("-".to_owned(), |rate| format!("{:.1} %", rate * 100.0)),
        format!("{:.1}", numbers.per_second),
        format!("{:.3}", numbers.load_time),
        numbers.load_p99.map_or("-".to_owned(), lasting),
        numbers.waiting.to_string(),
        size,
    ]
}

/// One cache: its numbers of all its time, and what is to be done.
pub(crate) fn cache(key: &str, cache: &LiveCache) -> String {
    let labels: Vec<_> = cache.snapshot().labels.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let mut text = format!("{key} ({}){}\n{}\n", cache.store(), labels.concat(), cache.stats());
    for advice in advice(cache) {
        text.push_str(&format!("  -> {advice}\n"));
    }
    text
}

/// With three digits, in the largest unit that has one before its point.
fn scaled(value: f64, units: &[(&str, f64)], least: &str) -> String {
    let (unit, size) = units.iter().copied().find(|(_, size)| value >= *size).unwrap_or((least, 1.0));
    let value = value / size;
    let digits = if value >= 100.0 || value.fract() == 0.0 { 0 } else { 1 + usize::from(value < 10.0) };
    format!("{value:.digits$} {unit}")
}

pub(crate) fn lasting(nanos: f64) -> String {
    scaled(nanos, &[("min", 60e9), ("s", 1e9), ("ms", 1e6), ("µs", 1e3)], "ns")
}

pub(crate) fn sized(bytes: u64) -> String {
    scaled(
        bytes as f64,
        &[("TiB", 1024f64.powi(4)), ("GiB", 1024f64.powi(3)), ("MiB", 1024f64.powi(2)), ("KiB", 1024.0)],
        "B",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        assert_eq!([0.0, 1_234.0, 45_678_000.0, 90e9].map(lasting), ["0 ns", "1.23 µs", "45.7 ms", "1.50 min"]);
        assert_eq!([512, 1_536, 3 << 30].map(sized), ["512 B", "1.50 KiB", "3 GiB"]);
    }

    #[tokio::test]
    async fn columns_are_aligned_and_the_worst_is_first() {
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
