//! What hits are counted with: std's in every build but that of the models, where loom plays their threads and memory.

#[cfg(not(all(test, loom)))]
mod real {
    pub(crate) use std::sync::Mutex;
    pub(crate) use std::sync::atomic::AtomicU64;
    pub(crate) use std::thread_local as per_thread;

    /// Statics; in a model, each run begins with new ones.
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
mod played {
    use std::cell::Cell;

    use loom::thread::LocalKey;

    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::AtomicU64;

    /// Loom's knows no `const { .. }`.
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

    /// A thread-local without a destructor, as std's cells are. Loom takes its own away as the thread ends: from
    /// then on this one is as it was at first.
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
pub(crate) use played::*;
