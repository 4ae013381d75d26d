//! Numbers with units, as one would say them.

use crate::clean::clean;

/// Times and bytes in the unit that makes them handy, with three digits or so; other units behind the number, unless
/// they are mere words (`{request}`) or one.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    const TIMES: [(f64, &str); 4] = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
    const SIZES: [(f64, &str); 4] = [(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB"), (1.0, "B")];
    let handy = |value: f64, units: [(f64, &str); 4]| {
        let fitting = units.into_iter().find(|(size, _)| value.abs() >= *size);
        let (size, name) = if value == 0.0 { units[0] } else { fitting.unwrap_or(units[3]) };
        format!("{} {name}", short(value / size))
    };
    match unit {
        "s" => handy(value, TIMES),
        "ms" => handy(value * 1e-3, TIMES),
        "us" => handy(value * 1e-6, TIMES),
        "ns" => handy(value * 1e-9, TIMES),
        "By" if value != 0.0 => handy(value, SIZES),
        "By" => "0 B".to_owned(),
        "" | "1" => short(value),
        words if words.starts_with('{') => short(value),
        other => format!("{} {}", short(value), clean(other)),
    }
}

/// Whole numbers in full, others with three digits.
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
    fn every_unit_is_said_as_one_would() {
        for (value, unit, said) in [
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
            assert_eq!(quantity(value, unit), said);
        }
        assert_eq!(quantity(f64::NAN, "s"), "NaN ns");
    }
}
