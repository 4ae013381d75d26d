//! The page with many caches in use.

use std::time::Duration;

use cachescope::cached;
use serde::Deserialize;
use tokio::time::sleep;

use crate::site::Site;

const CACHES: usize = 500;

/// The result of `crowd.js`.
#[derive(Debug, Deserialize)]
struct Crowd {
    caches: usize,
    /// Whether all visible rows have numbers.
    fresh: bool,
    /// The longest time between two frames, and the longest task, in milliseconds.
    frame_ms: f64,
    task_ms: f64,
    frames: u32,
    /// The number of updates meanwhile.
    beats: u32,
}

#[test]
fn page_stays_responsive_with_many_caches_in_use() {
    let site = Site::open().unwrap();
    let asked = site.runtime.spawn(async {
        let load = |key: u64| async move {
            sleep(Duration::from_millis(1 + key % 3)).await;
            key
        };
        let caches: Vec<_> = (0..CACHES).map(|number| cached(format!("crowd.number_{number}"), load).build()).collect();
        for key in (0..50).cycle() {
            for cache in &caches {
                // Spawned: the loop doesn't wait for the load.
                let cache = cache.clone();
                tokio::spawn(async move { cache.call(key).await });
            }
            sleep(Duration::from_millis(250)).await;
        }
    });
    let seen = site.show::<Crowd>("crowd.js", &[("CACHES", &CACHES.to_string())]).unwrap();
    asked.abort();
    assert_eq!((&seen.hosts[..], seen.complaints.len()), (&["127.0.0.1".to_owned()][..], 0), "{:?}", seen.complaints);
    let crowd = seen.result;
    println!("with {} caches, longest task {} ms, between frames {:.0} ms", CACHES, crowd.task_ms, crowd.frame_ms);
    assert!(crowd.caches == CACHES && crowd.fresh && crowd.beats > 0, "{crowd:?}");
    // The speed depends on the machine, but the page must not hang.
    assert!(crowd.frame_ms < 1000.0 && crowd.task_ms < 1000.0 && crowd.frames > 3, "{crowd:?}");
}
