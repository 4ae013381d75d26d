//! Readable numbers with units.

use crate::escape::escape_control_chars;

/// Formats a number with its unit, to about three digits. Times and bytes are scaled to a readable unit. Other units
/// follow the number, except annotations (`{request}`) and `1`.
pub(crate) fn format_quantity(value: f64, unit: &str) -> String {
    const TIMES: [(f64, &str); 4] = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
    const SIZES: [(f64, &str); 4] = [(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB"), (1.0, "B")];
    let scaled = |value: f64, units: [(f64, &str); 4]| {
        let fitting = units.into_iter().find(|(size, _)| value.abs() >= *size);
        let (size, name) = if value == 0.0 { units[0] } else { fitting.unwrap_or(units[3]) };
        format!("{} {name}", short(value / size))
    };
    match unit {
        "s" => scaled(value, TIMES),
        "ms" => scaled(value * 1e-3, TIMES),
        "us" => scaled(value * 1e-6, TIMES),
        "ns" => scaled(value * 1e-9, TIMES),
        "By" if value != 0.0 => scaled(value, SIZES),
        "By" => "0 B".to_owned(),
        "" | "1" => short(value),
        words if words.starts_with('{') => short(value),
        other => format!("{} {}", short(value), escape_control_chars(other)),
    }
}

/// Formats whole numbers in full, and others with three digits.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantity_is_scaled_to_a_readable_unit() {
        for (value, unit, expected) in [
            (0.00125, "s", "1.25 ms"),
            (75.0, "s", "75 s"),
            (0.0, "s", "0 s"),
            (2e-8, "s", "20 ns"),
            (1e-12, "s", "0.001 ns"),
            (1_500.0, "ms", "1.50 s"),
            (3.0, "us", "3 µs"),
            (1_536.0, "By", "1.50 KiB"),
            (0.0, "By", "0 B"),
            (12_345.0, "{request}", "12345"),
            (0.987_654, "1", "0.988"),
            (-2.5, "", "-2.50"),
            (21.55, "Cel", "21.6 Cel"),
        ] {
            assert_eq!(format_quantity(value, unit), expected);
        }
        assert_eq!(format_quantity(f64::NAN, "s"), "NaN ns");
    }
}
