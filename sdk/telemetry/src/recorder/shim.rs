//! The atomics, mutex and thread-locals for counting hits. They are std's, except in loom's models, where loom
//! simulates threads and memory.

#[cfg(not(all(test, loom)))]
mod real {
    pub(crate) use std::sync::Mutex;
    pub(crate) use std::sync::atomic::AtomicU64;
    pub(crate) use std::thread_local as per_thread;

    /// Defines a static. In a model, each run starts with a new one.
    macro_rules! global {
        ($item:item) => {
            $item
        };
    }
    pub(crate) use global;
}
#[cfg(not(all(test, loom)))]
pub(crate) use real::*;

#[cfg(all(test, loom))]
mod modelled {
    use std::cell::Cell;

    use loom::thread::LocalKey;

    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::AtomicU64;

    /// Loom's macro doesn't support `const { .. }`.
    macro_rules! per_thread {
        () => {};
        (static $name:ident: $type:ty = const $value:block; $($rest:tt)*) => {
            loom::thread_local! { static $name: $type = $value; }
            per_thread! { $($rest)* }
        };
        (static $name:ident: $type:ty = $value:expr; $($rest:tt)*) => {
            loom::thread_local! { static $name: $type = $value; }
            per_thread! { $($rest)* }
        };
    }
    pub(crate) use per_thread;

    macro_rules! global {
        (static $name:ident: $type:ty = $value:expr;) => {
            loom::lazy_static! { static ref $name: $type = $value; }
        };
    }
    pub(crate) use global;

    /// A thread-local without a destructor, like std's cells. Loom removes its own when the thread ends; from then on
    /// this one has its initial value.
    pub(crate) trait NoDestructor {
        fn get(&'static self) -> usize;
        fn set(&'static self, value: usize);
    }

    impl NoDestructor for LocalKey<Cell<usize>> {
        fn get(&'static self) -> usize {
            self.try_with(Cell::get).unwrap_or_else(|_| (self.init)().get())
        }

        fn set(&'static self, value: usize) {
            let _ = self.try_with(|cell| cell.set(value));
        }
    }
}
#[cfg(all(test, loom))]
pub(crate) use modelled::*;
