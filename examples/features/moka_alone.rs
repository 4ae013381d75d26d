//! A moka cache of one's own, with the same telemetry.

use cachescope_moka::{Instrument, eviction_listener};

fn main() {
    // In one line, for a cache that is there already:
    let names = cachescope_moka::instrument("name.by_id", moka::sync::Cache::new(10_000));
    assert_eq!(names.get_with(7, || "Ada".to_owned()), "Ada");
    assert_eq!(names.get(&7).as_deref(), Some("Ada"));

    // With evictions too, which moka tells only a listener that it is built with:
    let evictions = cachescope::Evictions::default();
    let sessions =
        moka::sync::Cache::builder().max_capacity(100).eviction_listener(eviction_listener(&evictions)).build();
    let sessions = Instrument::new("session.by_token").evictions(evictions.clone()).wrap(sessions);
    for token in 0..1_000_u64 {
        sessions.insert(token, "somebody".to_owned());
    }
    // moka's own methods are all there.
    sessions.run_pending_tasks();
    println!("{} sessions, {} evicted", sessions.entry_count(), evictions.get(cachescope::EvictionReason::Size));
    assert_eq!(sessions.entry_count() + evictions.get(cachescope::EvictionReason::Size), 1_000);
}
