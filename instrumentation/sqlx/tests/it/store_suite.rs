//! The suite that each database runs: the conformance suite of stores, and cases for SQL databases.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use cachescope_core::shared::{ByteStore, Invalidation, LeaseResult, LeaseToken, Scope, StoreKey, StoreSize};
use cachescope_sqlx::{SqlStore, StoreDatabase};
use cachescope_testing::Capabilities;
use serde::Serialize;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(600);

pub(crate) fn scope(cache: &str) -> Scope {
    Scope::new("tests", cache, 1).unwrap()
}

pub(crate) fn key(cache: &str, key: &(impl Serialize + ?Sized)) -> StoreKey {
    scope(cache).key(key).unwrap()
}

/// Returns a different token for each number.
pub(crate) const fn token(number: u64) -> LeaseToken {
    LeaseToken::from_random(number << 2)
}

/// Waits until `condition` is true.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}: not after a minute");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs all cases in sequence, on a store whose table doesn't exist yet.
pub(crate) async fn run_all<DB: StoreDatabase>(store: SqlStore<DB>, announces: bool) {
    tables(&store).await;
    let capabilities = Capabilities { invalidations: announces, sweeps: true, ..Capabilities::default() };
    for case in cachescope_testing::cases(capabilities) {
        if let Err(violation) = case.run(&store).await {
            panic!("{violation}");
        }
    }
    unusual_names(&store).await;
    large_values(&store).await;
    lease_is_granted_once(&store).await;
    scopes(&store).await;
    clear_during_loads(&store).await;
    sweeping(&store).await;
    concurrent_operations(&store).await;
    dropped_futures(&store).await;
    invalidations(&store, announces).await;
}

async fn tables<DB: StoreDatabase>(store: &SqlStore<DB>) {
    let missing = store.get(&key("tables", &1)).await.unwrap_err();
    let message = std::error::Error::source(&missing).unwrap().to_string();
    assert!(message.contains("create_table()"), "{message}");

    let makers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.create_table().await })
        })
        .collect();
    for maker in makers {
        maker.await.unwrap().unwrap();
    }
    store.create_table().await.unwrap();
    let other = store.clone().table("other_table").unwrap();
    other.create_table().await.unwrap();
    store.put(&key("tables", &1), b"one", None, None).await.unwrap();
    assert_eq!(other.get(&key("tables", &1)).await.unwrap(), None);
    assert!(store.clone().table("a\"; --").is_err());
    assert!(format!("{store:?}").contains("cachescope"));
}

async fn unusual_names<DB: StoreDatabase>(store: &SqlStore<DB>) {
    let names = [
        "a",
        "A",
        "ä",
        "a ",
        " a",
        "",
        "'",
        "\"",
        "\\",
        "%",
        "_",
        "a%",
        "a_",
        "`",
        ";--",
        "$1",
        "?",
        "\0",
        "NULL",
        &"x".repeat(94),
        &"x".repeat(95),
        &"{".repeat(94),
        "é",
        "e\u{301}",
        "ß",
        "ss",
    ];
    for name in names {
        store.put(&key("odd", name), name.as_bytes(), None, None).await.unwrap();
    }
    for name in names {
        assert_eq!(store.get(&key("odd", name)).await.unwrap().unwrap(), name.as_bytes(), "{name:?}");
    }
    let all = store.size(&scope("odd")).await.unwrap();
    assert_eq!(all.entries, Some(names.len() as u64));
    store.remove(&key("odd", "a")).await.unwrap();
    assert!(store.get(&key("odd", "A")).await.unwrap().is_some());
    assert!(store.get(&key("odd", "a%")).await.unwrap().is_some());
    // The longest possible scope and key.
    let longest = Scope::new(&"n".repeat(88), &"C".repeat(89), 1).unwrap();
    let name = longest.key(&"{".repeat(94)).unwrap();
    assert_eq!((longest.as_str().len(), name.as_str().len()), (180, 284));
    store.put(&name, b"long", None, None).await.unwrap();
    assert_eq!(store.get(&name).await.unwrap().unwrap(), b"long");
}

async fn large_values<DB: StoreDatabase>(store: &SqlStore<DB>) {
    // Incompressible values. The second is larger than one MySQL packet.
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for size in [10 << 20, (16 << 20) + 1] {
        let value: Vec<u8> = (0..size).map(|_| byte()).collect();
        let key = key("large", &size);
        assert!(store.put(&key, &value, Some(LONG), None).await.unwrap());
        assert!(store.get(&key).await.unwrap().unwrap() == value, "{size} bytes were changed");
        let LeaseResult::Granted(Some(leased)) = store.lease(&key, token(1), LONG).await.unwrap() else {
            panic!("another token holds the lease");
        };
        assert!(leased == value);
    }
    store.clear(&scope("large")).await.unwrap();
}

async fn lease_is_granted_once<DB: StoreDatabase>(store: &SqlStore<DB>) {
    for (round, stored) in [None, Some(b"stale".to_vec())].into_iter().enumerate() {
        let key = key("granted", &round);
        if let Some(stored) = &stored {
            store.put(&key, stored, None, None).await.unwrap();
        }
        let tasks: Vec<_> = (1..=50)
            .map(|task| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move { store.lease(&key, token(task), LONG).await.unwrap() })
            })
            .collect();
        let mut granted = Vec::new();
        for task in tasks {
            if let LeaseResult::Granted(there) = task.await.unwrap() {
                granted.push(there);
            }
        }
        assert_eq!(granted, [stored]);
    }
}

async fn scopes<DB: StoreDatabase>(store: &SqlStore<DB>) {
    let [mine, theirs] = ["scope-a", "scope-A"].map(scope);
    // More rows than one batch removes.
    let storing = futures(2_500, |n| {
        let (store, key) = (store.clone(), mine.key(&n).unwrap());
        async move { store.put(&key, b"12345", Some(LONG), None).await.unwrap() }
    });
    assert!(storing.await.into_iter().all(|stored| stored));
    store.put(&theirs.key(&1).unwrap(), b"123", None, None).await.unwrap();
    store.lease(&mine.key(&5_000).unwrap(), token(1), LONG).await.unwrap();
    let exactly = |entries, bytes| StoreSize { entries: Some(entries), bytes: Some(bytes), exact: true };
    assert_eq!(store.size(&mine).await.unwrap(), exactly(2_500, 12_500));
    store.clear(&mine).await.unwrap();
    assert_eq!(store.size(&mine).await.unwrap(), exactly(0, 0));
    assert_eq!(store.size(&theirs).await.unwrap(), exactly(1, 3));
    assert_eq!(store.lease(&mine.key(&5_000).unwrap(), token(2), LONG).await.unwrap(), LeaseResult::Granted(None));
    assert_eq!(store.size(&scope("empty")).await.unwrap(), exactly(0, 0));
}

/// A load that began before a clear must not store a value that survives the clear, whenever the load ends.
async fn clear_during_loads<DB: StoreDatabase>(store: &SqlStore<DB>) {
    let scope = scope("clearing");
    for round in 0..10 {
        let keys: Vec<StoreKey> = (0..40).map(|n| scope.key(&n).unwrap()).collect();
        for key in &keys {
            store.put(key, b"old", None, None).await.unwrap();
            assert!(matches!(store.lease(key, token(7), LONG).await.unwrap(), LeaseResult::Granted(_)));
        }
        let clearing = {
            let (store, scope) = (store.clone(), scope.clone());
            // Two concurrent clears, which must not deadlock.
            tokio::spawn(async move { tokio::join!(store.clear(&scope), store.clear(&scope)) })
        };
        let stored = futures(keys.len(), |n| {
            let (store, key) = (store.clone(), keys[n].clone());
            async move { store.put(&key, b"loaded before", None, Some(token(7))).await.unwrap() }
        });
        stored.await;
        let (one, two) = clearing.await.unwrap();
        one.unwrap();
        two.unwrap();
        for key in &keys {
            assert_eq!(store.get(key).await.unwrap(), None, "round {round}");
        }
    }
}

async fn sweeping<DB: StoreDatabase>(store: &SqlStore<DB>) {
    let scope = scope("sweeping");
    let key = |n: usize| scope.key(&n).unwrap();
    let storing = futures(2_200, |n| {
        let (store, key) = (store.clone(), key(n));
        async move { store.put(&key, b"over", Some(Duration::from_millis(1)), None).await.unwrap() }
    });
    storing.await;
    store.put(&key(3_000), b"for long", Some(LONG), None).await.unwrap();
    store.put(&key(3_001), b"forever", None, None).await.unwrap();
    // Expired, but with a lease.
    store.put(&key(3_002), b"over", Some(Duration::ZERO), None).await.unwrap();
    store.lease(&key(3_002), token(1), LONG).await.unwrap();
    // No entry, and an expired, released, or held lease.
    store.lease(&key(3_003), token(1), Duration::from_millis(1)).await.unwrap();
    store.lease(&key(3_004), token(1), LONG).await.unwrap();
    store.release(&key(3_004), token(1)).await.unwrap();
    store.lease(&key(3_005), token(1), LONG).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;

    assert_eq!(store.size(&scope).await.unwrap().entries, Some(2_203));
    assert_eq!(store.sweep(&self::scope("another")).await.unwrap(), 0);
    assert_eq!(store.sweep(&scope).await.unwrap(), 2_200);
    assert_eq!(store.size(&scope).await.unwrap().entries, Some(3));
    assert_eq!(store.sweep(&scope).await.unwrap(), 0);
    assert_eq!(store.get(&key(3_000)).await.unwrap().unwrap(), b"for long");
    assert_eq!(store.get(&key(3_001)).await.unwrap().unwrap(), b"forever");
    for held in [3_002, 3_005] {
        assert!(store.put(&key(held), b"loaded", None, Some(token(1))).await.unwrap());
    }
    for over in [3_003, 3_004] {
        assert!(!store.put(&key(over), b"loaded", None, Some(token(1))).await.unwrap());
    }
}

/// No mix of concurrent operations makes the database abort one of them, as it does after a deadlock.
async fn concurrent_operations<DB: StoreDatabase>(store: &SqlStore<DB>) {
    let working = futures(12, |task| {
        let (store, scope) = (store.clone(), scope("busy"));
        async move {
            let mut state = task as u64 + 1;
            for _ in 0..120 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let draw = |shift: u32, below: u64| (state >> shift) % below;
                let (key, token) = (scope.key(&draw(40, 20)).unwrap(), token(state >> 10));
                let ttl = [None, Some(Duration::from_millis(1)), Some(Duration::from_millis(50))][draw(50, 3) as usize];
                match draw(33, 16) {
                    0..=5 => {
                        let term = Duration::from_millis(1 + draw(20, 30));
                        if store.lease(&key, token, term).await.unwrap() != LeaseResult::Held {
                            store.put(&key, b"leased", ttl, Some(token)).await.unwrap();
                        }
                    }
                    6..=8 => drop(store.put(&key, b"put", ttl, None).await.unwrap()),
                    9 | 10 => store.remove(&key).await.unwrap(),
                    11 => store.clear(&scope).await.unwrap(),
                    12 => drop(store.sweep(&scope).await.unwrap()),
                    13 => store.release(&key, token).await.unwrap(),
                    14 => drop(store.size(&scope).await.unwrap()),
                    _ => drop(store.get(&key).await.unwrap()),
                }
            }
        }
    });
    working.await;
}

/// Polls `operation` until it returns, or drops it after it was pending more than `waits` times.
pub(crate) async fn within<T>(waits: u64, operation: impl Future<Output = T>) -> Option<T> {
    let (mut operation, mut left) = (pin!(operation), waits);
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// An operation that is dropped at any moment has taken effect or not. Later operations aren't affected.
async fn dropped_futures<DB: StoreDatabase>(store: &SqlStore<DB>) {
    let key = key("dropped", &1);
    let (small, large) = (vec![1_u8; 10], vec![2_u8; 1 << 20]);
    store.put(&key, &small, None, None).await.unwrap();
    let mut dropped = 0;
    for step in 0..60_u64 {
        let waits = step / 5;
        let kept = if step % 2 == 0 { &small } else { &large };
        let ended = match step % 5 {
            0 => within(waits, store.put(&key, kept, Some(LONG), None)).await.is_some(),
            1 => within(waits, store.get(&key)).await.is_some(),
            2 => within(waits, store.lease(&key, token(step + 1), Duration::from_millis(1))).await.is_some(),
            3 => within(waits, store.put(&key, kept, None, None)).await.is_some(),
            _ => within(waits, store.sweep(key.scope())).await.is_some(),
        };
        dropped += u32::from(!ended);
        let there = store.get(&key).await.unwrap().unwrap();
        assert!(there == small || there == large, "{} bytes that were never stored", there.len());
    }
    // Some operations complete earlier. A database in memory is rarely pending.
    assert!(dropped > 0);
    // More operations than the pool has connections, all dropped while they wait for each other.
    let tasks: Vec<_> = (0..40)
        .map(|task| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                let _ = timeout(Duration::from_micros(task * 50), store.lease(&key, token(task + 1), LONG)).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    store.remove(&key).await.unwrap();
    // A lease that is still in progress may be granted after that. The next put ends it.
    assert!(store.put(&key, &small, None, None).await.unwrap());
    assert_eq!(store.get(&key).await.unwrap().unwrap(), small);
}

async fn invalidations<DB: StoreDatabase>(store: &SqlStore<DB>, announces: bool) {
    let scope = scope("invalidations");
    store.announce(&scope, &Invalidation::All).await.unwrap();
    let Some(mut stream) = store.listen(&scope).await.unwrap() else {
        assert!(!announces, "the store doesn't listen");
        return;
    };
    let mut another = store.listen(&scope).await.unwrap().unwrap();
    let longest = scope.key(&"{".repeat(94)).unwrap();
    for notice in
        [Invalidation::Key("\"a'b\"".to_owned()), Invalidation::All, Invalidation::Key(longest.as_str().to_owned())]
    {
        store.announce(&scope, &notice).await.unwrap();
        assert_eq!(stream.next().await.unwrap(), notice);
        assert_eq!(another.next().await.unwrap(), notice);
    }
    // The stream may be dropped outside a runtime.
    std::thread::spawn(move || drop(stream)).join().unwrap();
    store.announce(&scope, &Invalidation::All).await.unwrap();
    assert_eq!(another.next().await.unwrap(), Invalidation::All);
}

/// Runs `count` tasks, twenty at a time, and returns their outputs.
async fn futures<F>(count: usize, mut make: impl FnMut(usize) -> F) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(20));
    let mut tasks = Vec::new();
    for n in 0..count {
        let (work, room) = (make(n), std::sync::Arc::clone(&room));
        tasks.push(tokio::spawn(async move {
            let _one = room.acquire().await.unwrap();
            work.await
        }));
    }
    let mut given = Vec::new();
    for task in tasks {
        given.push(task.await.unwrap());
    }
    given
}
