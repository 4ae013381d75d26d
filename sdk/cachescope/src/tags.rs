//! What entries have in common, to be dropped together.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Whether the entry of a key with a value has a tag.
type Has<K, V> = Box<dyn Fn(&K, &V, &str) -> bool + Send + Sync>;

/// The tags of one cache's entries: said by a function each time it matters, and kept nowhere.
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

/// The tags that telemetry names, so many at most: their number is the data's.
#[derive(Debug)]
pub(crate) struct CountedTags {
    limit: usize,
    named: Mutex<HashSet<String>>,
}

impl CountedTags {
    /// What stands for all tags beyond the limit.
    const OTHER: &str = "_other";

    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, named: Mutex::default() }
    }

    /// What telemetry calls `tag`.
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
    fn an_entry_has_the_tags_that_the_function_says() {
        let tags = Tags::of(|tenant: &u64, role: &String| [format!("tenant:{tenant}"), format!("role:{role}")]);
        let has = |tag| tags.has(&7, &"admin".to_owned(), tag);
        assert!(has("tenant:7") && has("role:admin"));
        assert!(!has("tenant:70") && !has("role:") && !has(""));
    }

    #[test]
    fn telemetry_names_as_many_tags_as_it_was_told() {
        let counted = CountedTags::new(2);
        assert_eq!(
            ["a", "b", "c", "a", "d", "b"].map(|tag| counted.name(tag)),
            ["a", "b", "_other", "a", "_other", "b"]
        );
    }
}
