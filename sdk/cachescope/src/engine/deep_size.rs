//! The deep size of a value, without a function written for it.

use get_size2::{GetSize, StandardTracker};

/// Returns the memory that `value` takes, in bytes: the value and what it owns on the heap. For
/// [`Builder::entry_size`](crate::Builder::entry_size).
///
/// Containers count with their capacity. The target of an `Arc` counts in full, once per value that holds it: entries
/// that share it add up to more than they take together. Borrowed data, the control bytes of maps, reference counts and
/// the overhead of the allocator are not counted.
///
/// Costs a walk over the value: some nanoseconds for a `String` or a `Vec` of numbers, about one nanosecond per element
/// that owns memory, and 60 per `Arc`. Panics only if a [`GetSize`] implementation of yours does.
///
/// Your own types get [`GetSize`] by `#[derive(GetSize)]` of the crate `get-size2` 0.11.
///
/// ```
/// # async fn fetch(_: u64) -> Vec<String> { Vec::new() }
/// let tags = cachescope::cached("tags", fetch).entry_size(cachescope::store::deep_size).entry_size_limit(1 << 20).build();
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
    fn deep_size_counts_value_and_owned_heap() {
        assert_eq!(deep_size(&7_u64), 8);
        assert_eq!(deep_size(&String::with_capacity(100)), size_of::<String>() + 100);
        let tags = vec!["ab".to_owned(), "cde".to_owned()];
        assert_eq!(deep_size(&tags), size_of::<Vec<String>>() + 2 * size_of::<String>() + 5);
        assert_eq!(deep_size(&Some(Box::new(1_u32))), size_of::<usize>() + 4);
        assert_eq!(deep_size(&BTreeMap::from([(1_u64, "ab".to_owned())])), size_of::<BTreeMap<u8, u8>>() + 32 + 2);
    }

    #[test]
    fn deep_size_counts_shared_target_once_per_value() {
        let text: Arc<str> = "0123456789".into();
        let handle = size_of::<Arc<str>>();
        assert_eq!(deep_size(&text), handle + 10);
        assert_eq!(deep_size(&vec![Arc::clone(&text); 3]), size_of::<Vec<u8>>() + 3 * handle + 10);
        assert_eq!(deep_size(&"borrowed"), handle);
    }
}
