//! Numbers as the formats write them.

use std::fmt::{self, Write};

/// A value of an instrument. Integers stay such: beyond 2^53 a float would change them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unsigned(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Float(value) if value.is_nan() => f.write_str("NaN"),
            Self::Float(value) if value.is_infinite() => f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" }),
            // Written out, the extremes would take three hundred digits.
            Self::Float(value) if value != 0.0 && !(1e-9..1e15).contains(&value.abs()) => write!(f, "{value:e}"),
            Self::Float(value) => value.fmt(f),
        }
    }
}

/// A bound as OpenMetrics has it: seen to be a float.
pub(crate) fn write_canonical(bound: f64, out: &mut String) {
    let start = out.len();
    // Writing into a string can't fail.
    let _ = write!(out, "{}", Number::Float(bound));
    if bound.is_finite() && !out[start..].contains(['.', 'e']) {
        out.push_str(".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were() {
        for (number, expected) in [
            (Number::Unsigned(u64::MAX), "18446744073709551615"),
            (Number::Signed(-3), "-3"),
            (Number::Float(3.0), "3"),
            (Number::Float(0.001), "0.001"),
            (Number::Float(-0.25), "-0.25"),
            (Number::Float(f64::MAX), "1.7976931348623157e308"),
            (Number::Float(5e-324), "5e-324"),
            (Number::Float(f64::NAN), "NaN"),
            (Number::Float(f64::INFINITY), "+Inf"),
            (Number::Float(f64::NEG_INFINITY), "-Inf"),
        ] {
            assert_eq!(number.to_string(), expected);
        }
    }

    #[test]
    fn openmetrics_sees_that_a_bound_is_a_float() {
        for (bound, expected) in
            [(1.0, "1.0"), (0.005, "0.005"), (-2.0, "-2.0"), (1e20, "1e20"), (f64::INFINITY, "+Inf")]
        {
            let mut text = String::new();
            write_canonical(bound, &mut text);
            assert_eq!(text, expected);
        }
    }
}
