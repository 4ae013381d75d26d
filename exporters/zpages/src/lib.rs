//! A live page of all caches of this process: which of them is slow or misses, and what more room would do for it.
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
//! In a program that has an axum server, mount it under any path, behind whatever guards what isn't for everyone:
//!
//! ```
//! let app: axum::Router = axum::Router::new().nest("/caches", cachescope_zpages::router());
//! # let _ = app;
//! ```
//!
//! It is then at `/caches`; axum doesn't have `/caches/` for that.
//!
//! | path, below that | |
//! |---|---|
//! | `/` | the page; to who doesn't ask for HTML (`curl`), a table |
//! | `/caches.json` | every cache's numbers |
//! | `/caches/{name}` | one cache's numbers and advice, as text |
//! | `/caches/{name}.json` | the same as JSON, with results over time and what other sizes would do |
//! | `/events` | what the page goes by, as server-sent events of a form of its own; programs read the JSON |
//!
//! Caches of one name are told apart by their order: `name`, `name#2`, `name#3`.
//!
//! # What it costs
//!
//! Nothing while nobody looks. A look reads every cache's numbers once a second, off the runtime's workers, and viewers
//! share that reading. Whoever has chosen a cache has its details read once a second, and its insight every ten; where
//! hot keys are named, that is a look at all its entries.
//!
//! # Who sees it
//!
//! The page shows names of caches and hashes of keys (their names only where the program opted in), and changes
//! nothing. The server listens on loopback unless told otherwise, and there answers only to names of this machine, so
//! that no site a browser is at reaches it by a name of its own. A mounted router is guarded by whoever mounts it. The
//! page loads nothing from elsewhere.

mod assets;
mod error;
mod events;
mod headers;
mod model;
mod router;
mod server;
mod text;

pub use error::Error;
pub use router::router;
pub use server::{DEFAULT_ADDRESS, Server, serve};
