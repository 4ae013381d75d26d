//! Tags: properties of entries, by which entries are invalidated together.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Returns whether the entry of a key and a value has a tag.
type Has<K, V> = Box<dyn Fn(&K, &V, &str) -> bool + Send + Sync>;

/// The tags of one cache's entries, computed by a function on each use and stored nowhere.
pub(crate) struct Tags<K, V> {
    has: Has<K, V>,
}

impl<K, V> Tags<K, V> {
    pub(crate) fn of<T, I>(tags: impl Fn(&K, &V) -> T + Send + Sync + 'static) -> Self
    where
        T: IntoIterator<Item = I>,
        I: AsRef<str>,
    {
        Self { has: Box::new(move |key, value, tag| tags(key, value).into_iter().any(|had| had.as_ref() == tag)) }
    }

    pub(crate) fn has(&self, key: &K, value: &V, tag: &str) -> bool {
        (self.has)(key, value, tag)
    }
}

/// The tags that telemetry names, up to a limit, because their number depends on the data.
#[derive(Debug)]
pub(crate) struct CountedTags {
    limit: usize,
    named: Mutex<HashSet<String>>,
}

impl CountedTags {
    /// The name of all tags beyond the limit.
    const OTHER: &str = "_other";

    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, named: Mutex::default() }
    }

    /// Returns the name of `tag` in telemetry.
    pub(crate) fn name<'a>(&self, tag: &'a str) -> &'a str {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.contains(tag) {
            return tag;
        }
        if named.len() == self.limit {
            return Self::OTHER;
        }
        named.insert(tag.to_owned());
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_has_the_tags_that_the_function_returns() {
        let tags = Tags::of(|tenant: &u64, role: &String| [format!("tenant:{tenant}"), format!("role:{role}")]);
        let has = |tag| tags.has(&7, &"admin".to_owned(), tag);
        assert!(has("tenant:7") && has("role:admin"));
        assert!(!has("tenant:70") && !has("role:") && !has(""));
    }

    #[test]
    fn telemetry_names_tags_up_to_the_limit() {
        let counted = CountedTags::new(2);
        assert_eq!(
            ["a", "b", "c", "a", "d", "b"].map(|tag| counted.name(tag)),
            ["a", "b", "_other", "a", "_other", "b"]
        );
    }
}
