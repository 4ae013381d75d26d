//! Turning caching off and listing caches affect the whole process, so this test has a process of its own.

use cachescope::cached;
use cachescope::metrics::RequestResult;
use futures_util::FutureExt;

#[test]
fn caching_can_be_turned_off_and_caches_are_listed_while_alive() {
    let cache = cached("process.switch", |n: u64| async move { n }).build();
    let call = || assert_eq!(cache.call(1).now_or_never(), Some(1));
    let counts = || {
        let stats = cache.metrics().stats();
        (stats.misses(), stats.hits(), stats.result(RequestResult::Bypass))
    };
    call();
    call();
    assert_eq!(counts(), (1, 1, 0));

    cachescope::disable();
    call();
    let (one, other) = (cachescope::disabled(), cachescope::disabled());
    cachescope::enable();
    drop(one);
    call();
    assert_eq!(cache.request(1).overwrite().into_future().now_or_never(), Some(1));
    assert_eq!(counts(), (1, 1, 3));
    drop(other);
    call();
    assert_eq!(counts(), (1, 2, 3));

    let twin = cached("process.switch", |n: u64| async move { n }).build();
    let listed = || cachescope::caches().into_iter().map(|cache| cache.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(), ["process.switch", "process.switch"]);
    drop(twin);
    let caches = cachescope::caches();
    assert_eq!(caches.len(), 1);
    assert_eq!((caches[0].stats().requests(), caches[0].store()), (6, "moka"));
    caches[0].clear();
    assert_eq!(cache.metrics().stats().usage().entries, 0);
}
