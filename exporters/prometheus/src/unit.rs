//! Units of measure: conversion from UCUM to Prometheus's words.

use std::borrow::Cow;

/// Returns the suffix of names with this unit. `None` without a unit, for the dimensionless `1`, for annotations such
/// as `{request}`, and for unknown units.
pub(crate) fn words(unit: &str) -> Option<Cow<'static, str>> {
    match unit.split_once('/') {
        None => word(unit).map(Cow::Borrowed),
        Some((unit, per)) => {
            let per = word_after_per(without_annotation(per))?;
            match (without_annotation(unit), word(unit)) {
                ("" | "1", _) => Some(Cow::Owned(format!("per_{per}"))),
                (_, Some(unit)) => Some(Cow::Owned(format!("{unit}_per_{per}"))),
                (_, None) => None,
            }
        }
    }
}

fn without_annotation(unit: &str) -> &str {
    unit.split_once('{').map_or(unit, |(unit, _)| unit)
}

fn word(unit: &str) -> Option<&'static str> {
    Some(match without_annotation(unit) {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" | "B" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "kBy" | "KBy" | "KB" => "kilobytes",
        "MBy" | "MB" => "megabytes",
        "GBy" | "GB" => "gigabytes",
        "TBy" | "TB" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        _ => return None,
    })
}

fn word_after_per(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "s" => "second",
        "m" | "min" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" | "wk" => "week",
        "mo" => "month",
        "y" | "a" => "year",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_becomes_a_word_of_prometheus() {
        for (unit, expected) in [
            ("s", Some("seconds")),
            ("By", Some("bytes")),
            ("%", Some("percent")),
            ("By/s", Some("bytes_per_second")),
            ("{request}/s", Some("per_second")),
            ("1/min", Some("per_minute")),
            ("By{compressed}", Some("bytes")),
            ("{request}", None),
            ("1", None),
            ("", None),
            ("parsec", None),
            ("parsec/s", None),
            ("s/parsec", None),
        ] {
            assert_eq!(words(unit).as_deref(), expected, "{unit}");
        }
    }
}
