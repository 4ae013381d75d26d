//! Human-readable amounts: three digits, in the largest unit that leaves a digit before the point.

use std::time::Duration;

pub(crate) fn format_time(duration: Duration) -> String {
    let units = [("d", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0)];
    in_units(duration.as_nanos() as f64, &units)
}

/// Formats a number of bytes.
pub(crate) fn format_bytes(number: u64) -> String {
    let units = [("GiB", (1_u64 << 30) as f64), ("MiB", (1 << 20) as f64), ("KiB", 1_024.0), ("bytes", 1.0)];
    in_units(number as f64, &units)
}

fn in_units(number: f64, units: &[(&str, f64)]) -> String {
    // The last unit is the smallest, and also takes smaller numbers.
    let Some((unit, size)) = units.iter().find(|(_, size)| number >= *size).or(units.last()) else {
        return number.to_string();
    };
    let value = number / size;
    let digits = if value >= 100.0 || value.fract() == 0.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_formatted_with_three_digits_and_a_unit() {
        let shown = [0, 9, 1_000, 1_234, 45_678_000, 999_000_000, 90_000_000_000, 90_061_000_000_000]
            .map(|nanos| format_time(Duration::from_nanos(nanos)));
        assert_eq!(shown, ["0 ns", "9 ns", "1 µs", "1.23 µs", "45.7 ms", "999 ms", "1.50 min", "1.04 d"]);
        assert_eq!([0, 100, 1_536, 64 << 20].map(format_bytes), ["0 bytes", "100 bytes", "1.50 KiB", "64 MiB"]);
    }
}
