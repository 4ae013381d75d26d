//! The names of the rules.

use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// A rule that gives advice on a cache.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
        #[non_exhaustive]
        pub enum Rule { $($(#[$doc])* #[cfg_attr(feature = "serde", serde(rename = $text))] $name,)+ }

        impl Rule {
            /// All rules.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// Returns the name, as it is serialised.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

rules! {
    /// Caching takes longer than the loads that it avoids.
    NotWorthCaching = "not_worth_caching",
    /// A larger capacity would raise the hit rate.
    TooSmall = "too_small",
    /// A lower capacity would not lower the hit rate.
    TooLarge = "too_large",
    /// A longer TTL would raise the hit rate.
    TtlTooShort = "ttl_too_short",
    /// A shorter TTL would not lower the hit rate.
    TtlTooLong = "ttl_too_long",
    /// One key has a large share of all requests.
    OneHotKey = "one_hot_key",
    /// Many requests wait for the loads of others: a thundering herd.
    Stampedes = "stampedes",
    /// Values exceed the size limit, or a few values take most of the capacity.
    ValuesTooLarge = "values_too_large",
    /// Encoding and decoding values take long, compared to the shared store.
    SerialisationDominates = "serialisation_dominates",
    /// A get from the shared store takes as long as a load.
    SharedStoreSlowerThanLoad = "shared_store_slower_than_load",
    /// Cached errors answer many requests.
    ErrorsCached = "errors_cached",
    /// Processes load values that others are already loading.
    DuplicateLoads = "duplicate_loads",
    /// Most values that are refreshed in the background are never read.
    RefreshesUnread = "refreshes_unread",
    /// Most stored values are evicted before they answer a request.
    EvictedUnread = "evicted_unread",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rules_have_unique_names() {
        let names: HashSet<_> = Rule::ALL.into_iter().map(Rule::as_str).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        assert_eq!(Rule::TtlTooLong.to_string(), "ttl_too_long");
    }

    #[cfg(feature = "persist")]
    #[test]
    fn rule_is_serialised_by_its_name() {
        for rule in Rule::ALL {
            let sent = serde_json::to_string(&rule).unwrap();
            assert_eq!(sent, format!("\"{rule}\""));
            assert_eq!(serde_json::from_str::<Rule>(&sent).unwrap(), rule);
        }
    }
}
