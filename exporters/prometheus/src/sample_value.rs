//! Sample values, and their text in both formats.

use std::fmt::{self, Write};

/// A sample value. Integers stay integers: above 2^53, a float would change them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SampleValue {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl From<u64> for SampleValue {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}

impl From<i64> for SampleValue {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<f64> for SampleValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl fmt::Display for SampleValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unsigned(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Float(value) if value.is_nan() => f.write_str("NaN"),
            Self::Float(value) if value.is_infinite() => f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" }),
            // In decimal notation, extreme values would take three hundred digits.
            Self::Float(value) if value != 0.0 && !(1e-9..1e15).contains(&value.abs()) => write!(f, "{value:e}"),
            Self::Float(value) => value.fmt(f),
        }
    }
}

/// Writes a bound as OpenMetrics requires: always recognisable as a float.
pub(crate) fn write_canonical(bound: f64, out: &mut String) {
    let start = out.len();
    // Writing into a string can't fail.
    let _ = write!(out, "{}", SampleValue::Float(bound));
    if bound.is_finite() && !out[start..].contains(['.', 'e']) {
        out.push_str(".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_value_is_written_exactly() {
        for (number, expected) in [
            (SampleValue::Unsigned(u64::MAX), "18446744073709551615"),
            (SampleValue::Signed(-3), "-3"),
            (SampleValue::Float(3.0), "3"),
            (SampleValue::Float(0.001), "0.001"),
            (SampleValue::Float(-0.25), "-0.25"),
            (SampleValue::Float(f64::MAX), "1.7976931348623157e308"),
            (SampleValue::Float(5e-324), "5e-324"),
            (SampleValue::Float(f64::NAN), "NaN"),
            (SampleValue::Float(f64::INFINITY), "+Inf"),
            (SampleValue::Float(f64::NEG_INFINITY), "-Inf"),
        ] {
            assert_eq!(number.to_string(), expected);
        }
    }

    #[test]
    fn canonical_bound_is_recognisable_as_a_float() {
        for (bound, expected) in
            [(1.0, "1.0"), (0.005, "0.005"), (-2.0, "-2.0"), (1e20, "1e20"), (f64::INFINITY, "+Inf")]
        {
            let mut text = String::new();
            write_canonical(bound, &mut text);
            assert_eq!(text, expected);
        }
    }
}
