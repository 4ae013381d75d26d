//! What a value takes in memory, without a function written for it.

use get_size2::{GetSize, StandardTracker};

/// What `value` takes in memory, in bytes: itself and what it owns on the heap. For
/// [`Builder::entry_size`](crate::Builder::entry_size).
///
/// Containers count with the room they have reserved. What an `Arc` points to counts in full in every value that
/// holds it, once a value: entries that share it add up to more than they take together. Not counted are what is
/// borrowed, the control bytes of maps, reference counts, and what the allocator adds.
///
/// Costs a walk over the value: some nanoseconds for a `String` or a `Vec` of numbers, about one per element that
/// owns memory itself, and 60 per `Arc`. Doesn't panic unless a [`GetSize`] of the user's does.
///
/// Types of one's own get a [`GetSize`] by `#[derive(GetSize)]` of the crate `get-size2` 0.11, which this one is of.
///
/// ```
/// # async fn fetch(_: u64) -> Vec<String> { Vec::new() }
/// let tags = cachescope::cached("tags", fetch).entry_size(cachescope::deep_size).entry_size_limit(1 << 20).build();
/// ```
#[must_use]
pub fn deep_size<V: GetSize>(value: &V) -> usize {
    value.get_size_with_tracker(StandardTracker::new()).0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn counts_what_a_value_is_and_what_it_owns() {
        assert_eq!(deep_size(&7_u64), 8);
        assert_eq!(deep_size(&String::with_capacity(100)), size_of::<String>() + 100);
        let tags = vec!["ab".to_owned(), "cde".to_owned()];
        assert_eq!(deep_size(&tags), size_of::<Vec<String>>() + 2 * size_of::<String>() + 5);
        assert_eq!(deep_size(&Some(Box::new(1_u32))), size_of::<usize>() + 4);
        assert_eq!(deep_size(&BTreeMap::from([(1_u64, "ab".to_owned())])), size_of::<BTreeMap<u8, u8>>() + 32 + 2);
    }

    #[test]
    fn what_is_shared_counts_once_a_value_and_in_every_value() {
        let text: Arc<str> = "0123456789".into();
        let handle = size_of::<Arc<str>>();
        assert_eq!(deep_size(&text), handle + 10);
        assert_eq!(deep_size(&vec![Arc::clone(&text); 3]), size_of::<Vec<u8>>() + 3 * handle + 10);
        assert_eq!(deep_size(&"borrowed"), handle);
    }
}
