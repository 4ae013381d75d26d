//! Rejection thresholds, and their text in tracestate (`th`).

/// The number of possible values of a trace's randomness: 56 bits.
const RANGE: u64 = 1 << 56;

/// The number of digits of a full threshold.
const DIGITS: u32 = 14;

/// The number of digits kept after leading `f`s. Any rate is then right to a thousandth of itself, and the text that
/// travels with each request stays short.
const PRECISION: u32 = 4;

/// The least randomness, of 2^56 possible values, at which a trace is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Threshold(u64);

impl Threshold {
    pub(crate) const KEEPS_ALL: Self = Self(0);

    /// Creates the threshold that keeps `rate` of all traces, from 0.0 to 1.0.
    pub(crate) fn from_rate(rate: f64) -> Self {
        let exact = RANGE - (rate.clamp(0.0, 1.0) * RANGE as f64).round() as u64;
        if exact == RANGE {
            return Self(RANGE);
        }
        let leading = (!(exact << (u64::BITS - 4 * DIGITS))).leading_zeros() / 4;
        let dropped = 4 * DIGITS.saturating_sub(leading + PRECISION);
        let half = (1_u64 << dropped) >> 1;
        Self((exact + half) >> dropped << dropped)
    }

    /// Returns whether a trace of this randomness is kept.
    pub(crate) fn keeps(self, randomness: u64) -> bool {
        randomness >= self.0
    }

    /// Returns the text in tracestate: hexadecimal digits without trailing zeros. `None` for a threshold that keeps
    /// nothing.
    pub(crate) fn text(self) -> Option<String> {
        let digits = format!("{:014x}", self.0);
        match digits.trim_end_matches('0') {
            _ if self.0 >= RANGE => None,
            "" => Some("0".to_owned()),
            digits => Some(digits.to_owned()),
        }
    }

    /// Parses the text of [`Threshold::text`].
    pub(crate) fn read(text: &str) -> Option<Self> {
        let missing = DIGITS.checked_sub(u32::try_from(text.len()).ok()?)?;
        Some(Self(hexadecimal(text)? << (4 * missing)))
    }
}

/// Parses lower-case hexadecimal digits only: `from_str_radix` accepts signs and capitals too.
pub(crate) fn hexadecimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threshold_text_matches_the_specification() {
        for (rate, text) in [
            (1.0, Some("0")),
            (0.5, Some("8")),
            (0.25, Some("c")),
            (0.75, Some("4")),
            (0.01, Some("fd70a")),
            (0.001, Some("ffbe77")),
            (2_f64.powi(-56), Some("ffffffffffffff")),
            (0.0, None),
        ] {
            let threshold = Threshold::from_rate(rate);
            assert_eq!(threshold.text().as_deref(), text, "{rate}");
            if let Some(text) = text {
                assert_eq!(Threshold::read(text), Some(threshold));
            }
        }
    }

    #[test]
    fn rounded_rate_is_right_to_a_thousandth_of_itself() {
        for exponent in 1..44 {
            for rate in [0.9, 0.7, 0.51].map(|part: f64| part * 2_f64.powi(-exponent)) {
                let Threshold(threshold) = Threshold::from_rate(rate);
                let kept = (RANGE - threshold) as f64 / RANGE as f64;
                assert!((kept / rate - 1.0).abs() < 1e-3, "{rate} became {kept}");
            }
        }
    }

    #[test]
    fn trace_kept_at_a_rate_is_kept_at_every_higher_rate() {
        let thresholds = [0.0, 0.001, 0.01, 0.3, 1.0].map(Threshold::from_rate);
        assert!(thresholds.is_sorted_by(|less, more| less > more));
        let edge = thresholds[2].0;
        assert!(!thresholds[2].keeps(edge - 1) && thresholds[2].keeps(edge) && thresholds[3].keeps(edge));
        assert!(!thresholds[0].keeps(RANGE - 1) && thresholds[4].keeps(0));
    }

    #[test]
    fn malformed_threshold_text_is_none() {
        for text in ["", "g", "+8", "FD", "123456789abcdef", "0x8", " 8"] {
            assert_eq!(Threshold::read(text), None, "{text:?}");
        }
    }
}
