//! The live page does in a browser what it is for: looked at, gone about by keyboard, and left alone with many caches.
//!
//! `CACHESCOPE_PICTURES` names a folder, by its whole path, to put pictures of it into.

mod crowd;
mod look;
mod pictures;
mod shop;
mod site;
