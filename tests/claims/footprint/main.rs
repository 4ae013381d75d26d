//! The memory that the metrics of a cache take, and the bytes that a process publishes.
//!
//! Both need a process of their own: a counting allocator is global, and a process publishes all of its caches.

mod memory;
mod publication;

use std::sync::{Mutex, MutexGuard, PoisonError};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Lets one test at a time have caches.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
