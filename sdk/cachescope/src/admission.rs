//! Which values are kept.

use cachescope_core::RejectionReason;

type Says<V, T> = Box<dyn Fn(&V) -> T + Send + Sync>;

/// What a cache was told about the values it is to keep. Whatever isn't kept still reaches its caller.
pub(crate) struct Admission<V> {
    pub(crate) keeps: Option<Says<V, bool>>,
    pub(crate) size_limit: Option<SizeLimit<V>>,
}

/// The most one entry may take, and what it takes.
pub(crate) struct SizeLimit<V> {
    pub(crate) bytes: u64,
    pub(crate) size_of: Says<V, usize>,
}

impl<V> Admission<V> {
    /// Every value.
    pub(crate) fn of_all() -> Self {
        Self { keeps: None, size_limit: None }
    }

    /// Why `value` isn't kept, if it isn't.
    pub(crate) fn rejects(&self, value: &V) -> Option<RejectionReason> {
        if self.keeps.as_ref().is_some_and(|keeps| !keeps(value)) {
            return Some(RejectionReason::Refused);
        }
        let too_large = |limit: &SizeLimit<V>| (limit.size_of)(value) as u64 > limit.bytes;
        self.size_limit.as_ref().is_some_and(too_large).then_some(RejectionReason::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_refused_before_it_is_measured() {
        let admission = Admission {
            keeps: Some(Box::new(|text: &String| !text.is_empty())),
            size_limit: Some(SizeLimit { bytes: 3, size_of: Box::new(String::len) }),
        };
        let rejects = |text: &str| admission.rejects(&text.to_owned());
        assert_eq!(rejects(""), Some(RejectionReason::Refused));
        assert_eq!(rejects("abc"), None);
        assert_eq!(rejects("abcd"), Some(RejectionReason::TooLarge));
        assert_eq!(Admission::of_all().rejects(&0), None);
    }
}
