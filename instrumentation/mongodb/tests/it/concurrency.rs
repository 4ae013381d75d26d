//! Concurrent operations of several tasks and clients.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, LeaseResult};

use crate::server::{LONG, key, scope, start, store, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lease_of_absent_key_is_granted_once_across_clients() {
    let server = start();
    let stores = [store(&server).await, store(&server).await];
    for round in 0..10 {
        let asked: Vec<_> = (0..50)
            .map(|number| {
                let store = stores[number % 2].clone();
                tokio::spawn(async move { store.lease(&key(round), token(), LONG).await.unwrap() })
            })
            .collect();
        let mut granted = 0;
        for task in asked {
            granted += u32::from(task.await.unwrap() != LeaseResult::Held);
        }
        assert_eq!(granted, 1);
    }
}

/// FerretDB alone doesn't guarantee this: it finds a document first, and then updates it even if it has changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lease_of_stored_key_is_granted_once_also_after_expiry() {
    let server = start();
    let stores = [store(&server).await, store(&server).await];
    for round in 0..10 {
        let key = key(round);
        stores[0].put(&key, b"stale", None, None).await.unwrap();
        if round % 2 == 1 {
            let brief = Duration::from_millis(1);
            assert!(matches!(stores[0].lease(&key, token(), brief).await.unwrap(), LeaseResult::Granted(Some(_))));
            // The two clients' server times may differ by some milliseconds.
            tokio::time::sleep(100 * brief).await;
        }
        let asked: Vec<_> = (0..50)
            .map(|number| {
                let (store, key) = (stores[number % 2].clone(), key.clone());
                tokio::spawn(async move { store.lease(&key, token(), LONG).await.unwrap() })
            })
            .collect();
        let mut granted = Vec::new();
        for task in asked {
            match task.await.unwrap() {
                LeaseResult::Held => {}
                LeaseResult::Granted(value) => granted.push(value),
            }
        }
        assert_eq!(granted, [Some(b"stale".to_vec())]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_puts_of_key_all_succeed() {
    let server = start();
    let store = store(&server).await;
    for round in 0..10 {
        let key = key(round);
        let storing: Vec<_> = (0..30_u8)
            .map(|number| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move { store.put(&key, &[number; 100], Some(LONG), None).await })
            })
            .collect();
        for task in storing {
            assert!(task.await.unwrap().unwrap());
        }
        let value = store.get(&key).await.unwrap().unwrap();
        assert!(value.len() == 100 && value.iter().all(|byte| *byte == value[0]));
    }
    assert_eq!(store.size(&scope("cache")).await.unwrap().entries, Some(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timed_out_operations_leave_store_consistent() {
    let server = start();
    let store = store(&server).await;
    let (old, new) = (vec![b'o'; 500_000], vec![b'n'; 500_001]);
    store.put(&key(0), &old, None, None).await.unwrap();
    for delay in 0..40_u64 {
        let limit = Duration::from_micros(200 * delay);
        let _ = tokio::time::timeout(limit, store.put(&key(0), &new, None, None)).await;
        let value = store.get(&key(0)).await.unwrap().unwrap();
        assert!(value == old || value == new);
        let _ = tokio::time::timeout(limit, store.lease(&key(1), token(), LONG)).await;
        let _ = tokio::time::timeout(limit, store.get(&key(0))).await;
        let _ = tokio::time::timeout(limit, store.clear(&scope("other"))).await;
    }
    store.remove(&key(1)).await.unwrap();
    assert_eq!(store.get(&key(1)).await.unwrap(), None);
}
