//! The formats of numbers, and of code, in advice.

use std::time::Duration;

use crate::metrics::format::format_bytes;

/// Groups the digits by three: `12,345` in text, `12_345` in code.
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

pub(crate) fn count(number: u64) -> String {
    grouped(number, ',')
}

/// Formats a share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Formats a capacity in its unit.
pub(crate) fn format_capacity(capacity: u64, in_bytes: bool) -> String {
    if in_bytes { format_bytes(capacity) } else { format!("{} entries", count(capacity)) }
}

/// Formats a number as a Rust literal.
pub(crate) fn literal(number: u64) -> String {
    const MIB: u64 = 1 << 20;
    if number > 0 && number.is_multiple_of(MIB) { format!("{} << 20", number / MIB) } else { grouped(number, '_') }
}

/// Formats a duration as Rust code, in milliseconds or seconds, and at least one millisecond.
pub(crate) fn code(duration: Duration) -> String {
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
    fn numbers_are_grouped_by_three_digits() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([999, 10_000, 64 << 20].map(literal), ["999", "10_000", "64 << 20"]);
    }

    #[test]
    fn percent_has_one_decimal() {
        assert_eq!(percent(0.0312), "3.1 %");
    }

    #[test]
    fn code_formats_durations_as_rust() {
        assert_eq!(code(Duration::from_secs(3_600)), "Duration::from_secs(3_600)");
        assert_eq!(code(Duration::from_millis(1_500)), "Duration::from_millis(1_500)");
        assert_eq!(code(Duration::from_nanos(1)), "Duration::from_millis(1)");
    }
}
