//! What a scope's entries, leases and notices are called in Redis.

use std::time::Duration;

use cachescope_core::shared::{Scope, StoreKey};

/// How a lease's name ends.
const LEASE: &str = "!lease";

/// Beyond this a life is one for ever: some 146 million years. Redis refuses what, added to its clock, isn't a signed
/// number of 64 bits.
const LONGEST: u64 = u64::MAX / 4;

/// The entry of a key and its lease. What is between braces decides on the slot of a cluster, so that both are on one
/// node; no key or scope has braces of its own.
#[derive(Clone)]
pub(crate) struct Names {
    pub(crate) entry: String,
    pub(crate) lease: String,
}

impl Names {
    pub(crate) fn of(key: &StoreKey) -> Self {
        let entry = format!("{{{}}}", key.whole());
        let lease = format!("{entry}{LEASE}");
        Self { entry, lease }
    }
}

/// Whether a key of Redis is that of one of this scope's entries.
pub(crate) fn is_entry(scope: &Scope, name: &[u8]) -> bool {
    let rest = name.strip_prefix(b"{").and_then(|rest| rest.strip_prefix(scope.as_str().as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b":") && rest.ends_with(b"}"))
}

/// Which keys of Redis are a scope's entries, for `MATCH`. The text of a scope has none of the characters that mean
/// something in a pattern, and always three parts: none is the beginning of another.
pub(crate) fn entries_of(scope: &Scope) -> String {
    format!("{{{}:*}}", scope.as_str())
}

/// Which are its leases.
pub(crate) fn leases_of(scope: &Scope) -> String {
    format!("{}{LEASE}", entries_of(scope))
}

/// The channel of its notices.
pub(crate) fn channel_of(scope: &Scope) -> String {
    format!("{}!notices", scope.as_str())
}

/// A time as Redis takes it, in milliseconds, none of it lost; `None` if it is for ever.
pub(crate) fn millis(time: Option<Duration>) -> Option<u64> {
    let millis = time?.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).ok().filter(|millis| *millis <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written down, since processes of another version have to come to the same.
    #[test]
    fn names_are_what_they_always_were() {
        let scope = Scope::new("shop", "user.by_id", 1).unwrap();
        let names = Names::of(&scope.key(&7).unwrap());
        assert_eq!(names.entry, "{shop:user.by_id:1:7}");
        assert_eq!(names.lease, "{shop:user.by_id:1:7}!lease");
        assert_eq!(entries_of(&scope), "{shop:user.by_id:1:*}");
        assert_eq!(leases_of(&scope), "{shop:user.by_id:1:*}!lease");
        assert_eq!(channel_of(&scope), "shop:user.by_id:1!notices");
    }

    #[test]
    fn an_entry_is_of_one_scope_and_no_lease() {
        let scope = Scope::new("shop", "user", 1).unwrap();
        let names = Names::of(&scope.key("a").unwrap());
        assert!(is_entry(&scope, names.entry.as_bytes()));
        assert!(!is_entry(&scope, names.lease.as_bytes()));
        assert!(!is_entry(&scope, channel_of(&scope).as_bytes()));
        let longer = Scope::new("shop", "user", 11).unwrap();
        assert!(!is_entry(&scope, Names::of(&longer.key("a").unwrap()).entry.as_bytes()));
        assert!(!is_entry(&longer, names.entry.as_bytes()));
    }

    #[test]
    fn a_pattern_means_what_it_says() {
        let scope = Scope::new("a*[b]?\\", "c{d}^", 1).unwrap();
        assert!(!scope.as_str().contains(['*', '?', '[', ']', '\\', '^', '{', '}']));
    }

    #[test]
    fn a_time_loses_nothing_and_may_be_for_ever() {
        assert_eq!(millis(None), None);
        assert_eq!(millis(Some(Duration::ZERO)), Some(0));
        assert_eq!(millis(Some(Duration::from_nanos(1))), Some(1));
        assert_eq!(millis(Some(Duration::from_millis(7))), Some(7));
        assert_eq!(millis(Some(Duration::MAX)), None);
    }
}
