//! Problem: you have a moka cache already, and want its telemetry without changing how you use it.
//! Solution: `cachescope_moka::instrument` wraps it in one line; `eviction_listener` adds evictions.

use cachescope_moka::{Instrumentation, eviction_listener};

fn main() {
    // An existing cache:
    let names = cachescope_moka::instrument("name.by_id", moka::sync::Cache::new(10_000));
    assert_eq!(names.get_with(7, || "Ada".to_owned()), "Ada");
    assert_eq!(names.get(&7).as_deref(), Some("Ada"));

    // With evictions, which moka reports only to a listener that its builder gets:
    let evictions = cachescope::store::Evictions::default();
    let sessions =
        moka::sync::Cache::builder().max_capacity(100).eviction_listener(eviction_listener(&evictions)).build();
    let sessions = Instrumentation::new("session.by_token").evictions(evictions.clone()).wrap(sessions);
    for token in 0..1_000_u64 {
        sessions.insert(token, "somebody".to_owned());
    }
    // All methods of moka's cache are available.
    sessions.run_pending_tasks();
    println!(
        "{} sessions, {} evicted",
        sessions.entry_count(),
        evictions.get(cachescope::metrics::EvictionReason::Size)
    );
    assert_eq!(sessions.entry_count() + evictions.get(cachescope::metrics::EvictionReason::Size), 1_000);
}
