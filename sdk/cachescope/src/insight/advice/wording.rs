//! How advice says numbers, and the code that goes with them.

use std::time::Duration;

/// In groups of three: `12,345` for people, `12_345` in code.
fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

pub(super) fn count(number: u64) -> String {
    grouped(number, ',')
}

/// A share as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// With three digits, in the largest unit that has one before its point.
pub(super) fn time(duration: Duration) -> String {
    let units = [("d", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0)];
    in_units(duration.as_nanos() as f64, &units)
}

/// The same of bytes.
pub(super) fn bytes(number: u64) -> String {
    let units = [("GiB", (1_u64 << 30) as f64), ("MiB", (1 << 20) as f64), ("KiB", 1_024.0), ("bytes", 1.0)];
    in_units(number as f64, &units)
}

fn in_units(number: f64, units: &[(&str, f64)]) -> String {
    // The last is the smallest, and takes what is less than one of it.
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

/// What a store holds, in its unit.
pub(super) fn room(capacity: u64, in_bytes: bool) -> String {
    if in_bytes { bytes(capacity) } else { format!("{} entries", count(capacity)) }
}

/// A number as one writes it in code.
pub(super) fn literal(number: u64) -> String {
    const MIB: u64 = 1 << 20;
    if number > 0 && number.is_multiple_of(MIB) { format!("{} << 20", number / MIB) } else { grouped(number, '_') }
}

/// A duration as one writes it in code, to the millisecond and at least one.
pub(super) fn code(duration: Duration) -> String {
    if duration.subsec_millis() == 0 && duration.as_secs() > 0 {
        format!("Duration::from_secs({})", grouped(duration.as_secs(), '_'))
    } else {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
        format!("Duration::from_millis({})", grouped(millis, '_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([999, 10_000, 64 << 20].map(literal), ["999", "10_000", "64 << 20"]);
    }

    #[test]
    fn amounts_have_three_digits_and_a_unit() {
        let told = [0, 9, 1_234, 45_678_000, 90_000_000_000].map(|nanos| time(Duration::from_nanos(nanos)));
        assert_eq!(told, ["0 ns", "9 ns", "1.23 µs", "45.7 ms", "1.50 min"]);
        assert_eq!([0, 100, 1_536, 64 << 20].map(bytes), ["0 bytes", "100 bytes", "1.50 KiB", "64 MiB"]);
        assert_eq!(percent(0.0312), "3.1 %");
    }

    #[test]
    fn durations_are_code() {
        assert_eq!(code(Duration::from_secs(3_600)), "Duration::from_secs(3_600)");
        assert_eq!(code(Duration::from_millis(1_500)), "Duration::from_millis(1_500)");
        assert_eq!(code(Duration::from_nanos(1)), "Duration::from_millis(1)");
    }
}
