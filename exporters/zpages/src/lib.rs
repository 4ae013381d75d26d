//! A live page of all caches of this process: hit rates, latencies, hit rates at other capacities and TTLs, and advice.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), cachescope_zpages::Error> {
//! let page = cachescope_zpages::Server::bind("127.0.0.1:0").await?;
//! println!("caches at http://{}/", page.address());
//! # Ok(())
//! # }
//! ```
//!
//! A program with an axum server can mount the page under any path, behind its own access control:
//!
//! ```
//! let app: axum::Router = axum::Router::new().nest("/caches", cachescope_zpages::router());
//! # let _ = app;
//! ```
//!
//! The page is then at `/caches`; axum doesn't route `/caches/` to it.
//!
//! | path below the mount | response |
//! |---|---|
//! | `/` | the page; a table in text for clients that don't accept HTML (`curl`) |
//! | `/caches.json` | the numbers of every cache |
//! | `/caches/{name}` | the numbers and the advice of one cache, as text |
//! | `/caches/{name}.json` | the same as JSON, with results over time and hit rates at other capacities |
//! | `/events` | the page's data, as server-sent events in an internal format; programs should read the JSON |
//!
//! Caches of the same name are numbered in the order of their creation: `name`, `name#2`, `name#3`.
//!
//! # Costs
//!
//! Without viewers the page costs nothing. With viewers, every cache's numbers are read once a second, on blocking
//! threads, and all viewers share that reading. For a viewer that selected a cache, the cache's details are read once a
//! second, and its insight every ten seconds. If the cache names its hot keys, that visits all its entries.
//!
//! # Access
//!
//! The page shows names of caches and hashes of keys, and key names only if the program opted in. It changes nothing.
//!
//! By default the server listens on a loopback address. There it answers only requests for a host name of this machine,
//! so that no web site can reach it through the browser by its own name. The access to a mounted router is controlled
//! by the program. The page loads nothing from other hosts.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod assets;
mod error;
mod events;
mod headers;
mod model;
mod quantity;
mod router;
mod server;
mod text;

pub use error::Error;
pub use router::router;
pub use server::{DEFAULT_ADDRESS, Server, serve};
