/// One of the 27 units of CloudWatch, and the factor that converts a number to it. OpenTelemetry writes units in UCUM.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) factor: f64,
}

impl Unit {
    /// Returns the unit for `ucum`. A unit that CloudWatch doesn't have becomes its unit `None`.
    pub(crate) fn from_ucum(ucum: &str) -> Self {
        let (amount, per_second) = match ucum.strip_suffix("/s") {
            Some(amount) => (amount, true),
            None => (ucum, false),
        };
        match (amount_of(amount), per_second) {
            ((name, factor), false) => Self { name, factor },
            ((name, factor), true) => match rate(name) {
                Some(name) => Self { name, factor },
                None => Self { name: "None", factor: 1.0 },
            },
        }
    }
}

/// Returns the unit of an amount, and its factor.
fn amount_of(ucum: &str) -> (&'static str, f64) {
    const KIBI: f64 = 1024.0;
    match ucum {
        "s" => ("Seconds", 1.0),
        "ms" => ("Milliseconds", 1.0),
        "us" => ("Microseconds", 1.0),
        "ns" => ("Microseconds", 1e-3),
        "min" => ("Seconds", 60.0),
        "h" => ("Seconds", 3_600.0),
        "d" => ("Seconds", 86_400.0),
        "By" => ("Bytes", 1.0),
        "kBy" => ("Kilobytes", 1.0),
        "MBy" => ("Megabytes", 1.0),
        "GBy" => ("Gigabytes", 1.0),
        "TBy" => ("Terabytes", 1.0),
        "KiBy" => ("Bytes", KIBI),
        "MiBy" => ("Bytes", KIBI * KIBI),
        "GiBy" => ("Bytes", KIBI * KIBI * KIBI),
        "TiBy" => ("Bytes", KIBI * KIBI * KIBI * KIBI),
        "bit" => ("Bits", 1.0),
        "kbit" => ("Kilobits", 1.0),
        "Mbit" => ("Megabits", 1.0),
        "Gbit" => ("Gigabits", 1.0),
        "Tbit" => ("Terabits", 1.0),
        "%" => ("Percent", 1.0),
        _ if ucum.starts_with('{') && ucum.ends_with('}') => ("Count", 1.0),
        _ => ("None", 1.0),
    }
}

/// Returns the unit of `amount` per second, if CloudWatch has one.
fn rate(amount: &str) -> Option<&'static str> {
    Some(match amount {
        "Bytes" => "Bytes/Second",
        "Kilobytes" => "Kilobytes/Second",
        "Megabytes" => "Megabytes/Second",
        "Gigabytes" => "Gigabytes/Second",
        "Terabytes" => "Terabytes/Second",
        "Bits" => "Bits/Second",
        "Kilobits" => "Kilobits/Second",
        "Megabits" => "Megabits/Second",
        "Gigabits" => "Gigabits/Second",
        "Terabits" => "Terabits/Second",
        "Count" => "Count/Second",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ucum_units_have_their_names_and_factors() {
        for (ucum, name, factor) in [
            ("s", "Seconds", 1.0),
            ("ns", "Microseconds", 1e-3),
            ("min", "Seconds", 60.0),
            ("By", "Bytes", 1.0),
            ("KiBy", "Bytes", 1024.0),
            ("{request}", "Count", 1.0),
            ("{request}/s", "Count/Second", 1.0),
            ("MiBy/s", "Bytes/Second", 1024.0 * 1024.0),
            ("%", "Percent", 1.0),
            ("1", "None", 1.0),
            ("", "None", 1.0),
            ("s/s", "None", 1.0),
            ("Cel", "None", 1.0),
        ] {
            assert_eq!(Unit::from_ucum(ucum), Unit { name, factor }, "{ucum}");
        }
    }
}
