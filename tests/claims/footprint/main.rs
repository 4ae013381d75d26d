//! The memory that the metrics of a cache take, and the bytes that a process publishes.
//!
//! Both need a process of their own: a counting allocator is global, and a process publishes all of its caches.

mod memory;
mod publication;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Lets one test at a time have caches.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
