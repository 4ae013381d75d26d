//! What every store promises.

use cachescope_core::contract::{Promises, check};
use cachescope_core::shared::{ByteStore, StoreSize};

use crate::server::{scope, start, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_what_stores_promise() {
    let server = start();
    let store = store(&server).await;
    if let Err(broken) = check(&store, Promises { sweeps: true, ..Promises::default() }).await {
        panic!("{broken:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_used_without_a_runtime_around_it() {
    let server = start();
    let store = store(&server).await;
    let size = std::thread::spawn({
        let store = store.clone();
        move || pollster::block_on(store.size(&scope("empty")))
    });
    let size = tokio::task::spawn_blocking(|| size.join().unwrap()).await.unwrap();
    assert_eq!(size.unwrap(), StoreSize { entries: Some(0), bytes: Some(0), exact: true });
}
