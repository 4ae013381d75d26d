//! The names of entries, leases and channels in Redis.

use std::time::Duration;

use cachescope_core::shared::{Scope, StoreKey};

/// The suffix of a lease's name.
const LEASE_SUFFIX: &str = "!lease";

/// The longest TTL, about 146 million years. A longer TTL never expires. Redis refuses a TTL that overflows a signed
/// integer of 64 bits when added to its clock.
const MAX_MILLIS: u64 = u64::MAX / 4;

/// The names of a key's entry and lease. The text between braces determines the slot in a cluster, so both are on the
/// same node. Keys and scopes never contain braces.
#[derive(Clone)]
pub(crate) struct KeyNames {
    pub(crate) entry: String,
    pub(crate) lease: String,
}

impl KeyNames {
    pub(crate) fn new(key: &StoreKey) -> Self {
        let entry = format!("{{{}}}", key.full_name());
        let lease = format!("{entry}{LEASE_SUFFIX}");
        Self { entry, lease }
    }
}

/// Whether `name` is the name of an entry of this scope.
pub(crate) fn is_entry(scope: &Scope, name: &[u8]) -> bool {
    let rest = name.strip_prefix(b"{").and_then(|rest| rest.strip_prefix(scope.as_str().as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b":") && rest.ends_with(b"}"))
}

/// Returns the `MATCH` pattern of a scope's entries. The text of a scope contains no special characters of patterns. It
/// always has three parts, so no scope is the prefix of another.
pub(crate) fn entry_pattern(scope: &Scope) -> String {
    format!("{{{}:*}}", scope.as_str())
}

/// Returns the `MATCH` pattern of a scope's leases.
pub(crate) fn lease_pattern(scope: &Scope) -> String {
    format!("{}{LEASE_SUFFIX}", entry_pattern(scope))
}

/// Returns the channel of a scope's invalidations.
pub(crate) fn channel_name(scope: &Scope) -> String {
    format!("{}!notices", scope.as_str())
}

/// Converts a duration to milliseconds for Redis, rounded up. Returns `None` if it never ends.
pub(crate) fn millis(time: Option<Duration>) -> Option<u64> {
    let millis = time?.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).ok().filter(|millis| *millis <= MAX_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names are fixed, because processes of other versions use the same names.
    #[test]
    fn names_stay_the_same_across_versions() {
        let scope = Scope::new("shop", "user.by_id", 1).unwrap();
        let names = KeyNames::new(&scope.key(&7).unwrap());
        assert_eq!(names.entry, "{shop:user.by_id:1:7}");
        assert_eq!(names.lease, "{shop:user.by_id:1:7}!lease");
        assert_eq!(entry_pattern(&scope), "{shop:user.by_id:1:*}");
        assert_eq!(lease_pattern(&scope), "{shop:user.by_id:1:*}!lease");
        assert_eq!(channel_name(&scope), "shop:user.by_id:1!notices");
    }

    #[test]
    fn is_entry_matches_only_entries_of_scope() {
        let scope = Scope::new("shop", "user", 1).unwrap();
        let names = KeyNames::new(&scope.key("a").unwrap());
        assert!(is_entry(&scope, names.entry.as_bytes()));
        assert!(!is_entry(&scope, names.lease.as_bytes()));
        assert!(!is_entry(&scope, channel_name(&scope).as_bytes()));
        let longer = Scope::new("shop", "user", 11).unwrap();
        assert!(!is_entry(&scope, KeyNames::new(&longer.key("a").unwrap()).entry.as_bytes()));
        assert!(!is_entry(&longer, names.entry.as_bytes()));
    }

    #[test]
    fn scope_contains_no_pattern_characters() {
        let scope = Scope::new("a*[b]?\\", "c{d}^", 1).unwrap();
        assert!(!scope.as_str().contains(['*', '?', '[', ']', '\\', '^', '{', '}']));
    }

    #[test]
    fn millis_are_rounded_up_and_may_be_unlimited() {
        assert_eq!(millis(None), None);
        assert_eq!(millis(Some(Duration::ZERO)), Some(0));
        assert_eq!(millis(Some(Duration::from_nanos(1))), Some(1));
        assert_eq!(millis(Some(Duration::from_millis(7))), Some(7));
        assert_eq!(millis(Some(Duration::MAX)), None);
    }
}
