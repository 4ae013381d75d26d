//! Methods: one cache for all instances, `self` on a miss, and associated functions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cachescope::{Clock, ManualClock, cached};

/// Counts its clones.
struct Users {
    tenant: u64,
    clones: Arc<AtomicUsize>,
}

impl Users {
    fn new(tenant: u64) -> Self {
        Self { tenant, clones: Arc::default() }
    }

    #[cached]
    async fn by_id(&self, id: u64) -> Result<String, String> {
        if id == 0 { Err("no such user".to_owned()) } else { Ok(format!("{id} of {}", self.tenant)) }
    }

    #[cached(name = "users.by_tenant", key: (u64, u64) = (self.tenant, id))]
    async fn by_tenant(&self, id: u64) -> String {
        self.describe(id)
    }

    #[cached]
    async fn by_name(&self, name: &str) -> String {
        format!("{name} of {}", self.tenant)
    }

    #[cached]
    async fn consumed(self, id: u64) -> String {
        self.describe(id)
    }

    #[cached(associated)]
    async fn without_self(id: u64) -> u64 {
        id
    }

    #[cached]
    async fn first_tenant(id: u64) -> String {
        Self::new(1).describe(id)
    }

    fn describe(&self, id: u64) -> String {
        format!("{id} of {}", self.tenant)
    }
}

impl Clone for Users {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self { tenant: self.tenant, clones: Arc::clone(&self.clones) }
    }
}

#[tokio::test]
async fn instances_share_cache_and_are_cloned_only_on_miss() {
    let (one, two) = (Users::new(1), Users::new(2));
    assert_eq!(one.by_id(7).await.as_deref(), Ok("7 of 1"));
    assert_eq!(two.by_id(7).await.as_deref(), Ok("7 of 1"));
    assert_eq!(one.clones.load(Ordering::Relaxed), 1);
    assert_eq!(two.clones.load(Ordering::Relaxed), 0);
    assert_eq!(Arc::strong_count(&one.clones), 1, "an entry keeps no `self`");
    let stats = Users::by_id_cache().metrics().stats();
    assert_eq!((stats.hits(), stats.misses()), (1, 1));
    assert_eq!(Users::by_id_cache().name(), "methods.by_id");

    assert!(one.by_id(0).await.is_err() && one.by_id(0).await.is_err());
    assert_eq!(Users::by_id_cache().metrics().stats().usage().entries, 1);
    assert_eq!(Arc::strong_count(&one.clones), 1, "an error keeps no `self`");

    Users::by_id_cache().invalidate(&7);
    assert_eq!(two.by_id(7).await.as_deref(), Ok("7 of 2"));
    assert_eq!(one.by_id_uncached(7).await.as_deref(), Ok("7 of 1"));
}

#[tokio::test]
async fn key_can_separate_instances() {
    let (one, two) = (Users::new(1), Users::new(2));
    assert_eq!((one.by_tenant(7).await, two.by_tenant(7).await), ("7 of 1".into(), "7 of 2".into()));
    Users::by_tenant_cache().invalidate(&(1, 7));
    assert_eq!(Users::by_tenant_cache().metrics().stats().usage().entries, 1);
}

#[tokio::test]
async fn single_reference_is_looked_up_without_clone() {
    let users = Users::new(1);
    assert_eq!(users.by_name("Ann").await, users.by_name("Ann").await);
    Users::by_name_cache().invalidate("Ann");
    assert_eq!(users.by_name("Ann").await, "Ann of 1");
    assert_eq!(Users::by_name_cache().metrics().stats().misses(), 2);
}

#[tokio::test]
async fn self_can_be_consumed_or_absent() {
    assert_eq!(Users::new(1).consumed(7).await, Users::new(2).consumed(7).await);
    assert_eq!((Users::without_self(1).await, Users::without_self(1).await), (1, 1));
    assert_eq!(Users::without_self_cache().metrics().stats().hits(), 1);
    assert_eq!(Users::first_tenant(7).await, "7 of 1");
}

#[tokio::test]
async fn dropped_call_keeps_nothing() {
    #[derive(Clone)]
    struct Slow(Arc<()>);
    impl Slow {
        #[cached]
        async fn never(&self, id: u64) -> u64 {
            std::future::pending::<()>().await;
            id + Arc::strong_count(&self.0) as u64
        }
    }
    let slow = Slow(Arc::new(()));
    let (mut leads, mut follows) = (Box::pin(slow.never(1)), Box::pin(slow.never(1)));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(leads.as_mut().poll(&mut cx).is_pending() && follows.as_mut().poll(&mut cx).is_pending());
    assert_eq!(Arc::strong_count(&slow.0), 3);
    drop((leads, follows));
    assert_eq!(Arc::strong_count(&slow.0), 1);
    assert_eq!(Slow::never_cache().metrics().stats().usage().entries, 0);
}

static TIME: LazyLock<(Clock, ManualClock)> = LazyLock::new(Clock::manual);

impl Users {
    #[cached(stale_after = "60s", serve_stale_for = "1h", clock = TIME.0.clone())]
    async fn kept(&self, id: u64) -> String {
        self.describe(id)
    }
}

#[tokio::test]
async fn background_load_captures_self() {
    assert_eq!(Users::new(1).kept(7).await, "7 of 1");
    TIME.1.advance(Duration::from_secs(61));
    // The second instance is dropped before its load runs.
    let clones = {
        let two = Users::new(2);
        assert_eq!(two.kept(7).await, "7 of 1");
        Arc::clone(&two.clones)
    };
    while Users::new(3).kept(7).await == "7 of 1" {
        tokio::task::yield_now().await;
    }
    assert_eq!(Users::new(3).kept(7).await, "7 of 2");
    assert_eq!(Arc::strong_count(&clones), 1, "a background load keeps nothing");
}
