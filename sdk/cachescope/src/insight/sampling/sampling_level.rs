//! Sampling rates, in steps.

/// A step of the sampling rate. A key is in the sample if its own level is not below the level of the sample. Eight
/// steps halve the rate; each step is lower than the one before by 1/16 to 1/9.
///
/// The level of a key is the number of leading zeros of its hash (5 bits), followed by the inverse of the three bits
/// after the first one. So it fits into a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SamplingLevel(pub(crate) u8);

impl SamplingLevel {
    /// The level at which all keys are sampled.
    pub(crate) const ALL: Self = Self(0);
    /// The number of steps that halve the rate.
    const HALF: u8 = 8;

    /// Returns the last level whose sample contains the key with this hash.
    pub(crate) fn of(hash: u64) -> Self {
        let zeros = hash.leading_zeros();
        if zeros > 31 {
            return Self(u8::MAX);
        }
        let next_bits = ((hash << zeros) >> 60) & 7;
        Self((zeros as u8) << 3 | (7 - next_bits as u8))
    }

    /// Returns the threshold: hashes below it are in the sample. At rate 1 that excludes a single hash.
    pub(crate) fn threshold(self) -> u64 {
        match self.0 {
            0 => u64::MAX,
            level => (16 - u64::from(level & 7)) << (60 - (level >> 3)),
        }
    }

    /// Returns the number of keys that each sampled key represents.
    pub(crate) fn weight(self) -> f64 {
        2_f64.powi(64) / self.threshold() as f64
    }

    /// Returns the next lower rate. `None` at one key in four billion.
    pub(crate) fn lower(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// Returns twice the rate, or all keys.
    pub(crate) fn doubled(self) -> Self {
        Self(self.0.saturating_sub(Self::HALF))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_in_the_samples_up_to_its_level() {
        let mut hash = 1_u64;
        for _ in 0..10_000 {
            hash = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (hash >> 7);
            let hash = hash >> (hash % 40);
            for level in 0..=u8::MAX {
                let level = SamplingLevel(level);
                assert_eq!(hash < level.threshold(), SamplingLevel::of(hash) >= level, "{hash:x} {level:?}");
            }
        }
    }

    #[test]
    fn each_level_lowers_the_rate_by_a_twelfth_and_eight_halve_it() {
        let mut level = SamplingLevel::ALL;
        assert!((level.weight() - 1.0).abs() < 1e-9);
        while let Some(lower) = level.lower() {
            let ratio = level.weight() / lower.weight();
            assert!((0.888..0.9376).contains(&ratio), "{level:?}: {ratio}");
            if level.0 >= 8 {
                assert!((level.weight() / level.doubled().weight() - 2.0).abs() < 1e-9);
            }
            level = lower;
        }
        assert_eq!(SamplingLevel(3).doubled(), SamplingLevel::ALL);
        assert_eq!(SamplingLevel::of(0), SamplingLevel(u8::MAX));
    }
}
