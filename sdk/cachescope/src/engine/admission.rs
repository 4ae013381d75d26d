//! The admission policy: which values are stored.

use cachescope_core::{ConfigError, RejectionReason};

type Says<V, T> = Box<dyn Fn(&V) -> T + Send + Sync>;

/// The rules for storing values. A rejected value still reaches its caller.
pub(crate) struct Admission<V> {
    /// Accept a value together.
    pub(crate) conditions: Vec<Says<V, bool>>,
    /// Tells `Some` from `None`, if `None` is refused.
    pub(crate) is_some: Option<fn(&V) -> bool>,
    /// The size of a value, in bytes.
    pub(crate) size_of: Option<Says<V, usize>>,
    /// The largest size of a value, in bytes.
    pub(crate) size_limit: Option<u64>,
}

impl<V> Admission<V> {
    /// Accepts every value.
    pub(crate) fn of_all() -> Self {
        Self { conditions: Vec::new(), is_some: None, size_of: None, size_limit: None }
    }

    /// Returns an error if the size limit has no size function.
    pub(crate) fn check(&self, cache: &str) -> Result<(), ConfigError> {
        match self.size_limit {
            Some(bytes) if self.size_of.is_none() => Err(ConfigError::new(format!(
                "cache \"{cache}\": entry_size_limit must be used with entry_size, got a limit of {bytes} bytes without it: add \
                 .entry_size(|value| …), or .entry_size(cachescope::store::deep_size) with the feature get-size"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the size of an accepted value in bytes, if known, or the reason of its rejection.
    ///
    /// A value is measured once, and only if it isn't refused.
    pub(crate) fn admit(&self, value: &V) -> Result<Option<u64>, RejectionReason> {
        if self.is_some.is_some_and(|is_some| !is_some(value)) || !self.conditions.iter().all(|accepts| accepts(value))
        {
            return Err(RejectionReason::Refused);
        }
        let size = self.size_of.as_ref().map(|size_of| size_of(value) as u64);
        match (size, self.size_limit) {
            (Some(size), Some(limit)) if size > limit => Err(RejectionReason::TooLarge),
            _ => Ok(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn value_is_refused_before_it_is_measured_and_measured_once() {
        let measured = Arc::new(AtomicU32::new(0));
        let measure = {
            let measured = Arc::clone(&measured);
            move |text: &String| {
                measured.fetch_add(1, Ordering::Relaxed);
                text.len()
            }
        };
        let admission = Admission {
            conditions: vec![Box::new(|text: &String| !text.is_empty())],
            size_of: Some(Box::new(measure)),
            size_limit: Some(3),
            ..Admission::of_all()
        };
        let admit = |text: &str| (admission.admit(&text.to_owned()), measured.load(Ordering::Relaxed));
        assert_eq!(admit(""), (Err(RejectionReason::Refused), 0));
        assert_eq!(admit("abc"), (Ok(Some(3)), 1));
        assert_eq!(admit("abcd"), (Err(RejectionReason::TooLarge), 2));
    }

    #[test]
    fn size_is_returned_without_limit_and_unknown_without_size_function() {
        let measures = Admission { size_of: Some(Box::new(String::len)), ..Admission::of_all() };
        assert_eq!(measures.admit(&"abcd".to_owned()), Ok(Some(4)));
        assert_eq!(Admission::of_all().admit(&0), Ok(None));
    }

    #[test]
    fn size_limit_without_size_function_is_an_error_that_names_the_fix() {
        let limits = Admission::<u64> { size_limit: Some(1_000), ..Admission::of_all() };
        let error = limits.check("user.by_id").unwrap_err().to_string();
        assert!(error.contains("\"user.by_id\"") && error.contains("1000 bytes"), "{error}");
        assert!(error.contains(".entry_size(cachescope::store::deep_size)"), "{error}");
        let measures = Admission { size_of: Some(Box::new(|_| 8)), ..limits };
        assert!(measures.check("user.by_id").is_ok() && Admission::<u64>::of_all().check("user.by_id").is_ok());
    }
}
