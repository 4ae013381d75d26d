//! What somebody sees who looks for what is wrong with a cache.

use serde::Deserialize;

use crate::shop::{Shop, USERS};
use crate::site::Site;

/// What `page.js` tells.
#[derive(Debug, Deserialize)]
struct Look {
    /// Those that are listed.
    caches: Vec<String>,
    /// Where arrows led, and what the page shows after that.
    focused: Option<String>,
    address: String,
    current: Option<String>,
    /// Of one cache, as time goes on.
    requests: Vec<u64>,
    reasons: Vec<String>,
    hot: Vec<String>,
    /// What is expected at the least capacity, further up, and at the largest.
    expected: Vec<Expected>,
    /// What the theme is called, and the background.
    themes: Vec<(String, String)>,
    /// By how much a cache, and the list, are wider than a telephone.
    sideways: Vec<i64>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    place: u64,
    share: f64,
    spoken: String,
    /// What the page's server says of the least and the largest.
    served: Option<Served>,
}

#[derive(Debug, Deserialize)]
struct Served {
    at: u64,
    hit_rate: f64,
}

#[test]
fn a_viewer_with_a_keyboard_finds_what_a_cache_does_and_what_more_room_would() {
    let site = Site::open().unwrap();
    let shop = Shop::open(&site.runtime);
    let seen = site.show::<Look>("page.js", &[("CACHE", USERS), ("HOT", "user 0")]).unwrap();
    let cache = site.cache(USERS).unwrap();
    drop(shop);
    assert_eq!((&seen.hosts[..], seen.complaints.len()), (&["127.0.0.1".to_owned()][..], 0), "{:?}", seen.complaints);

    let look = seen.told;
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
