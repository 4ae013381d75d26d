//! The rules by name.

use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What is to be said about a cache.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
        #[non_exhaustive]
        pub enum Rule { $($(#[$doc])* #[cfg_attr(feature = "serde", serde(rename = $text))] $name,)+ }

        impl Rule {
            /// Every rule.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// Its name, as it is sent and stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

rules! {
    /// Caching takes longer than the loads that it saves.
    NotWorthCaching = "not_worth_caching",
    /// A larger store would answer more.
    TooSmall = "too_small",
    /// A smaller store would answer as much.
    TooLarge = "too_large",
    /// Values that live longer would answer more.
    TtlTooShort = "ttl_too_short",
    /// Values that live shorter would answer as much.
    TtlTooLong = "ttl_too_long",
    /// One key is asked for far more than all others.
    OneHotKey = "one_hot_key",
    /// Requests wait for loads of others.
    Stampedes = "stampedes",
    /// Values are refused for their size, or a few take the room of most.
    ValuesTooLarge = "values_too_large",
    /// Making bytes of values, and values of bytes, takes as long as the shared store.
    SerialisationDominates = "serialisation_dominates",
    /// The shared store takes as long as a load.
    SharedStoreSlowerThanLoad = "shared_store_slower_than_load",
    /// Remembered errors answer many requests.
    ErrorsCached = "errors_cached",
    /// Processes load what others are loading.
    DuplicateLoads = "duplicate_loads",
    /// Most values that are renewed ahead are asked for by nobody.
    RefreshesUnread = "refreshes_unread",
    /// Most values that are stored leave without having answered anything.
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
    fn each_rule_has_a_name_of_its_own() {
        let names: HashSet<_> = Rule::ALL.into_iter().map(Rule::as_str).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        assert_eq!(Rule::TtlTooLong.to_string(), "ttl_too_long");
    }

    #[cfg(feature = "persist")]
    #[test]
    fn a_rule_is_sent_by_its_name() {
        for rule in Rule::ALL {
            let sent = serde_json::to_string(&rule).unwrap();
            assert_eq!(sent, format!("\"{rule}\""));
            assert_eq!(serde_json::from_str::<Rule>(&sent).unwrap(), rule);
        }
    }
}
