//! A visit to the page by a user who analyses a cache.

use serde::Deserialize;

use crate::shop::{Shop, USERS};
use crate::site::Site;

/// The result of `page.js`.
#[derive(Debug, Deserialize)]
struct Look {
    /// The listed caches.
    caches: Vec<String>,
    /// The cache that has the focus after some arrow keys.
    focused: Option<String>,
    address: String,
    current: Option<String>,
    /// The requests of the cache, as time passes.
    requests: Vec<u64>,
    reasons: Vec<String>,
    hot: Vec<String>,
    /// The expected hit ratios at the smallest capacity, further up, and at the largest.
    expected: Vec<Expected>,
    /// The name and the background of each theme.
    themes: Vec<(String, String)>,
    /// The pixels by which a cache, and the list, are wider than a telephone.
    sideways: Vec<i64>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    place: u64,
    share: f64,
    spoken: String,
    /// The point that the page's server sends, for the smallest and the largest.
    served: Option<Served>,
}

#[derive(Debug, Deserialize)]
struct Served {
    at: u64,
    hit_rate: f64,
}

#[test]
fn visitor_with_a_keyboard_sees_the_numbers_and_the_curve_of_a_cache() {
    let site = Site::open().unwrap();
    let shop = Shop::open(&site.runtime);
    let seen = site.show::<Look>("page.js", &[("CACHE", USERS), ("HOT", "user 0")]).unwrap();
    let cache = site.cache(USERS).unwrap();
    drop(shop);
    assert_eq!((&seen.hosts[..], seen.complaints.len()), (&["127.0.0.1".to_owned()][..], 0), "{:?}", seen.complaints);

    let look = seen.result;
    assert_eq!(look.caches.len(), Shop::CACHES, "{:?}", look.caches);
    assert_eq!((look.focused.as_deref(), look.current.as_deref()), (Some(USERS), Some("true")));
    assert_eq!(look.address, format!("#{USERS}"));
    assert!(look.requests.is_sorted_by(|before, after| before < after), "{:?}", look.requests);
    assert!(look.requests.iter().all(|shown| *shown <= cache["requests"].as_u64().unwrap()), "{:?}", look.requests);
    assert!(["cold", "evicted"].iter().all(|reason| look.reasons.iter().any(|shown| shown == reason)), "{look:?}");
    assert!(look.hot.contains(&"user 0".to_owned()), "the key that is asked for most: {:?}", look.hot);

    let [least, further, most] = &look.expected[..] else { panic!("{:?}", look.expected) };
    for expected in [least, most] {
        let served = expected.served.as_ref().unwrap();
        assert!(expected.place == served.at && (expected.share - served.hit_rate).abs() < 0.02, "{expected:?}");
        assert!(expected.spoken.contains(" entries: ") && expected.spoken.contains(" points"), "{expected:?}");
    }
    assert!(least.place < further.place && further.place < most.place, "{:?}", look.expected);
    assert!(least.share < further.share && further.share < most.share, "{:?}", look.expected);

    let [light, dark, system] = &look.themes[..] else { panic!("{:?}", look.themes) };
    assert_eq!([&*light.0, &*dark.0, &*system.0], ["light", "dark", "system"]);
    assert!(light.1 != dark.1 && light.1 == system.1, "the system's is light: {:?}", look.themes);
    assert_eq!(look.sideways, [0, 0], "wider than 360 pixels");
}
