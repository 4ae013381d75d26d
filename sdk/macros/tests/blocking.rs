//! Functions that aren't async.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachescope::metrics::RejectionReason;
use cachescope::{cached, sync};

#[cached(stale_after = "60s", jitter = 0.1)]
fn square(n: u64) -> u64 {
    n * n
}

#[cached]
fn parsed(text: &str) -> Result<u64, std::num::ParseIntError> {
    text.parse()
}

#[test]
fn second_call_is_hit() {
    assert_eq!((square(12), square(12), square(13)), (144, 144, 169));
    let cache: &'static sync::Cached<u64, u64> = square::cache();
    let stats = cache.metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), cache.name()), (1, 2, "blocking.square"));
    assert_eq!(square::uncached(14), 196);
    assert_eq!(cache.metrics().stats().requests(), 3);
}

#[test]
fn errors_are_returned_and_not_stored() {
    assert!(parsed("x").is_err() && parsed("x").is_err());
    assert_eq!((parsed("7"), parsed("7")), (Ok(7), Ok(7)));
    let stats = parsed::cache().metrics().stats();
    assert_eq!((stats.hits(), stats.misses(), stats.usage().entries), (1, 3, 1));
}

#[derive(Clone)]
struct Users {
    tenant: u32,
    loads: Arc<AtomicU64>,
}

impl Users {
    #[cached(name = "users.greeting", key: (u32, String) = (self.tenant, name.to_owned()))]
    fn greeting(&self, name: &str, greeting: &str) -> String {
        self.loads.fetch_add(1, Ordering::Relaxed);
        format!("{greeting}, {name}")
    }

    #[cached(name = "users.checked", skip(strict))]
    fn checked(&self, id: u64, strict: bool) -> Result<u64, String> {
        if strict && id == 0 { Err("no such user".to_owned()) } else { Ok(id) }
    }

    #[cached(associated, name = "users.doubled")]
    fn doubled(id: u64) -> u64 {
        id * 2
    }
}

#[test]
fn load_captures_self_and_arguments_outside_key() {
    let users = Users { tenant: 1, loads: Arc::default() };
    assert_eq!(users.greeting("Ann", "Hello"), "Hello, Ann");
    assert_eq!(users.greeting("Ann", "Goodbye"), "Hello, Ann", "the greeting isn't in the key");
    let other = Users { tenant: 2, ..users.clone() };
    assert_eq!(other.greeting("Ann", "Goodbye"), "Goodbye, Ann");
    assert_eq!(users.loads.load(Ordering::Relaxed), 2);
    Users::greeting_cache().invalidate(&(1, "Ann".to_owned()));
    assert_eq!(users.greeting("Ann", "Hi"), "Hi, Ann");
    assert_eq!(users.greeting_uncached("Ann", "Hey"), "Hey, Ann");

    assert_eq!(
        (users.checked(0, true), users.checked(0, false), users.checked(0, true)),
        (Err("no such user".to_owned()), Ok(0), Ok(0))
    );
    assert_eq!((Users::doubled(4), Users::doubled(4)), (8, 8));
    assert_eq!(Users::doubled_cache().metrics().stats().hits(), 1);
}

#[cached(name = "blocking.last_digit", key: u64 = n % 10)]
fn last_digit(n: u64) -> u64 {
    n % 10
}

#[test]
fn key_can_be_any_expression() {
    assert_eq!((last_digit(17), last_digit(27), last_digit(18)), (7, 7, 8));
    let stats = last_digit::cache().metrics().stats();
    assert_eq!((stats.hits(), stats.misses()), (1, 2));
}

/// Every builder method with arguments, as an option.
#[cached(
    name = "blocking.steps",
    stale_after = "60s",
    refresh_ahead = "5s",
    early_expiration = 1.0,
    serve_stale_for = "5s",
    serve_stale_on_error = "1h",
    cleanup_interval = "10min",
    wait_for_load_timeout = "1s",
    wait_timeout_error(|| "busy"),
    load_concurrency = 4,
    finish_cancelled_loads = true,
    cache_if(|text: &String| !text.is_empty()),
    cache_errors_for(Duration::from_secs(30), |error: &&str| *error == "none"),
    entry_size(String::len),
    entry_size_limit = 10,
    tags(|n: &usize, _: &String| [format!("length:{n}")]),
    label("team", "search"),
    hit_timing = cachescope::metrics::HitTiming::Every,
    capacity = 100
)]
fn repeated(n: usize) -> Result<String, &'static str> {
    if n == 1_000 { Err("none") } else { Ok("x".repeat(n)) }
}

#[test]
fn every_builder_method_is_option() {
    for n in [0, 5, 5, 50, 1_000, 1_000] {
        assert_eq!(repeated(n).map_or(1_000, |text| text.len()), n);
    }
    let stats = repeated::cache().metrics().stats();
    assert_eq!((stats.rejections(RejectionReason::Refused), stats.rejections(RejectionReason::TooLarge)), (1, 1));
    assert_eq!((stats.hits(), stats.misses(), stats.entry_size().count()), (2, 4, 1));
    assert_eq!(repeated::cache().invalidate_tag("length:5"), 1);
    let labelled = cachescope::caches().with_label("team", "search");
    assert_eq!(labelled.iter().map(|cache| cache.name()).collect::<Vec<_>>(), ["blocking.steps"]);
}
