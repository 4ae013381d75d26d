//! Functions: hits, keys, skipped arguments, errors, names, and locations of a function.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cachescope::{Cached, Moka, cached};

#[cached]
async fn square(n: u64) -> u64 {
    n * n
}

#[tokio::test]
async fn second_call_is_hit() {
    assert_eq!((square(12).await, square(12).await, square(13).await), (144, 144, 169));
    let stats = square::cache().metrics().stats();
    assert_eq!((stats.hits(), stats.misses()), (1, 2));
    assert_eq!(square::uncached(14).await, 196);
    assert_eq!(square::cache().metrics().stats().misses(), 2);
    // The key of a function is its argument, so the cache's type has a name.
    let cache: &'static Cached<u64, u64> = square::cache();
    cache.invalidate(&12);
    square(12).await;
    assert_eq!(cache.metrics().stats().misses(), 3);
}

#[cached]
async fn joined(first: &str, mut second: String, third: &[u8], path: &Path) -> String {
    second.push_str(first);
    format!("{second} {} {}", third.len(), path.display())
}

#[tokio::test]
async fn key_is_all_arguments_by_default() {
    let path = Path::new("/a");
    let one = joined("a", "b".into(), b"c", path).await;
    assert_eq!(one, joined("a", "b".into(), b"c", path).await);
    for other in [
        joined("x", "b".into(), b"c", path).await,
        joined("a", "x".into(), b"c", path).await,
        joined("a", "b".into(), b"cc", path).await,
        joined("a", "b".into(), b"c", Path::new("/x")).await,
    ] {
        assert_ne!(one, other);
    }
    let stats = joined::cache().metrics().stats();
    assert_eq!((stats.hits(), stats.misses()), (1, 5));
}

#[cached]
async fn parsed(text: &str) -> Result<u64, std::num::ParseIntError> {
    text.parse()
}

#[cached]
async fn shared_error(text: &str) -> Result<u64, Arc<std::num::ParseIntError>> {
    Ok(text.parse::<u64>()?)
}

#[tokio::test]
async fn errors_are_returned_and_not_stored() {
    assert!(parsed("x").await.is_err() && parsed("x").await.is_err());
    assert_eq!((parsed("7").await, parsed("7").await), (Ok(7), Ok(7)));
    let stats = parsed::cache().metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), stats.usage().entries), (1, 3, 1));
    assert!(shared_error("x").await.is_err());
    parsed::cache().invalidate("7");
    assert_eq!(parsed::cache().metrics().stats().usage().entries, 0);
}

/// Counts its clones.
#[derive(Default)]
struct Pool(Arc<AtomicUsize>);

impl Clone for Pool {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[cached(skip(pool, salt))]
async fn with_pool(pool: &Pool, id: u64, salt: String) -> String {
    assert!(pool.0.load(Ordering::Relaxed) > 0, "the load gets a clone");
    format!("{id}{salt}")
}

#[tokio::test]
async fn skipped_arguments_are_cloned_only_on_miss_and_not_stored() {
    let pool = Pool::default();
    assert_eq!(with_pool(&pool, 1, "a".into()).await, "1a");
    for _ in 0..100 {
        assert_eq!(with_pool(&pool, 1, "b".into()).await, "1a");
    }
    assert_eq!(with_pool(&pool, 2, "b".into()).await, "2b");
    assert_eq!(pool.0.load(Ordering::Relaxed), 2);
    assert_eq!(Arc::strong_count(&pool.0), 1, "an entry keeps only the key of its call");
    let stats = with_pool::cache().metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), stats.usage().entries), (100, 2, 2));
    with_pool::cache().invalidate(&1);
    assert_eq!(with_pool(&pool, 1, "c".into()).await, "1c");
}

#[cached(key = (b, a))]
async fn chosen(a: u64, b: &str, c: u64) -> String {
    format!("{a}{b}{c}")
}

#[cached(key = text, name = "chosen.reference")]
async fn by_reference(more: u64, text: &str) -> String {
    format!("{text}{more}")
}

#[cached(key: Cow<'static, str> = format!("{}/{}", path.display(), n % 10).into())]
async fn computed(path: &Path, n: u64) -> String {
    format!("{} {n}", path.display())
}

#[tokio::test]
async fn key_option_selects_key() {
    assert_eq!(chosen(1, "x", 2).await, chosen(1, "x", 3).await);
    assert_ne!(chosen(1, "x", 2).await, chosen(2, "x", 2).await);
    chosen::cache().invalidate(&("x".to_owned(), 1));
    assert_eq!(chosen(1, "x", 3).await, "1x3");
    assert_eq!(by_reference(1, "a").await, by_reference(2, "a").await);
    by_reference::cache().invalidate("a");
    assert_eq!(by_reference(2, "a").await, "a2");
    assert_eq!(computed("/a".as_ref(), 3).await, computed("/a".as_ref(), 13).await);
    assert_ne!(computed("/a".as_ref(), 3).await, computed("/b".as_ref(), 3).await);
}

const TTL: Duration = Duration::from_secs(60);

#[cached(name = "named.by_hand", stale_after = TTL, capacity = 5)]
async fn named() -> &'static str {
    "one entry"
}

#[cached(stale_after = "0s")]
async fn always_stale(n: u64) -> u64 {
    n
}

#[cached(crate = crate::vendored::library, store: Moka<u64, u64> = Moka::with_byte_limit(100, |_, _| 8))]
async fn weighed(n: u64) -> u64 {
    n
}

mod vendored {
    pub(crate) use ::cachescope as library;
}

#[tokio::test]
async fn options_reach_the_builder() {
    assert_eq!((named().await, named().await), ("one entry", "one entry"));
    assert_eq!(named::cache().name(), "named.by_hand");
    assert_eq!(square::cache().name(), "functions.square");
    assert_eq!(nested::inner::deep::cache().name(), "inner.deep");
    assert_eq!(named::cache().metrics().stats().usage().entry_limit, Some(5));
    assert_eq!((always_stale(1).await, always_stale(1).await), (1, 1));
    assert_eq!(always_stale::cache().metrics().stats().misses(), 2);
    weighed(1).await;
    assert_eq!(weighed::cache().metrics().stats().usage().bytes, Some(8));
}

mod nested {
    pub(crate) mod inner {
        /// A type that is private to this module.
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub(crate) struct Private(u64);

        #[cachescope::cached]
        pub(crate) async fn deep(of: Private) -> Private {
            of
        }

        pub(crate) async fn call() -> u64 {
            deep(Private(7)).await.0
        }
    }
}

#[tokio::test]
async fn function_can_be_in_any_module_or_function() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Local(u64);

    #[cached]
    async fn local(of: Local) -> u64 {
        of.0
    }

    #[cached(skip(plus))]
    async fn local_skipping(of: Local, plus: Local) -> u64 {
        of.0 + plus.0
    }

    assert_eq!((local(Local(1)).await, local(Local(1)).await), (1, 1));
    assert_eq!(local::cache().metrics().stats().hits(), 1);
    assert_eq!(local_skipping(Local(1), Local(2)).await, 3);
    assert_eq!(nested::inner::call().await, 7);
}

#[cached]
async fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { Box::pin(fibonacci(n - 1)).await + Box::pin(fibonacci(n - 2)).await }
}

#[tokio::test]
async fn function_can_be_recursive() {
    assert_eq!(fibonacci(50).await, 12_586_269_025);
}

#[cached]
async fn longer<'a>(one: &'a str, other: &'a str) -> String {
    let longer: &'a str = if one.len() > other.len() { one } else { other };
    longer.to_owned()
}

#[cached(key = one)]
async fn lifetimes<'a>(one: &'a str, other: &'a str) -> Vec<&'static str> {
    if longer(one, other).await.is_empty() { vec![] } else { vec!["some"] }
}

#[tokio::test]
async fn lifetimes_of_function_are_kept() {
    assert_eq!(lifetimes("a", "bc").await, ["some"]);
}

/// An instrumented function with many arguments.
#[cached(skip(_f, _g, _h))]
#[tracing::instrument]
#[allow(clippy::too_many_arguments, reason = "the test needs many arguments")]
async fn many(a: u8, b: u8, c: u8, d: u8, e: u8, _f: u8, _g: u8, _h: u8) -> u8 {
    a + b + c + d + e
}

#[tokio::test]
async fn attributes_are_kept() {
    assert_eq!(many(1, 1, 1, 1, 1, 1, 1, 1).await, many(1, 1, 1, 1, 1, 2, 2, 2).await);
    assert_eq!(many::cache().metrics().stats().hits(), 1);
}
