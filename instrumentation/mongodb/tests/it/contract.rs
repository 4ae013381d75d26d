//! The conformance suite of stores.

use cachescope_core::shared::{ByteStore, StoreSize};
use cachescope_testing::{Capabilities, check};

use crate::server::{scope, start, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_conforms_to_store_contract() {
    let server = start();
    let store = store(&server).await;
    let capabilities = Capabilities { sweeps: true, ..Capabilities::default() };
    if let Err(violations) = check(&store, capabilities).await {
        panic!("{violations:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_works_outside_runtime() {
    let server = start();
    let store = store(&server).await;
    let size = std::thread::spawn({
        let store = store.clone();
        move || pollster::block_on(store.size(&scope("empty")))
    });
    let size = tokio::task::spawn_blocking(|| size.join().unwrap()).await.unwrap();
    assert_eq!(size.unwrap(), StoreSize { entries: Some(0), bytes: Some(0), exact: true });
}
