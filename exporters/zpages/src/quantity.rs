//! Durations and sizes as readable text.

/// Formats a number with three digits, in the largest unit in which it is at least 1.
fn scaled(value: f64, units: &[(&str, f64)], least: &str) -> String {
    let (unit, size) = units.iter().copied().find(|(_, size)| value >= *size).unwrap_or((least, 1.0));
    let value = value / size;
    let digits = if value >= 100.0 || value.fract() == 0.0 { 0 } else { 1 + usize::from(value < 10.0) };
    format!("{value:.digits$} {unit}")
}

/// Formats a duration in nanoseconds.
pub(crate) fn format_nanos(nanos: f64) -> String {
    scaled(nanos, &[("min", 60e9), ("s", 1e9), ("ms", 1e6), ("µs", 1e3)], "ns")
}

/// Formats a number of bytes.
pub(crate) fn format_bytes(bytes: u64) -> String {
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
    fn quantities_have_three_digits_and_a_unit() {
        assert_eq!([0.0, 1_234.0, 45_678_000.0, 90e9].map(format_nanos), ["0 ns", "1.23 µs", "45.7 ms", "1.50 min"]);
        assert_eq!([512, 1_536, 3 << 30].map(format_bytes), ["512 B", "1.50 KiB", "3 GiB"]);
    }
}
