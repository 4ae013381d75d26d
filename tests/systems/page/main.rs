//! The live page in a browser: with a mouse, with a keyboard, and with many caches.
//!
//! `CACHESCOPE_PICTURES` is the absolute path of a folder for pictures of the page.

mod crowd;
mod pictures;
mod shop;
mod site;
mod visit;
