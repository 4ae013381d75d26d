//! What hits are counted with: std's in every build but that of the models, where loom plays their threads and memory.

#[cfg(not(all(test, loom)))]
mod real {
    pub(crate) use std::sync::atomic::AtomicU64;
    pub(crate) use std::sync::{Mutex, OnceLock};
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

    use loom::sync::atomic::{AtomicBool, Ordering};
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

    /// Loom has none: std's, with the synchronisation that std promises of it.
    #[derive(Debug, Default)]
    pub(crate) struct OnceLock<T> {
        value: std::sync::OnceLock<T>,
        is_set: AtomicBool,
        setting: Mutex<()>,
    }

    impl<T> OnceLock<T> {
        pub(crate) fn get(&self) -> Option<&T> {
            self.is_set.load(Ordering::Acquire).then(|| self.value.get()).flatten()
        }

        pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
            if let Some(value) = self.get() {
                return value;
            }
            let _setting = self.setting.lock();
            let value = self.value.get_or_init(init);
            self.is_set.store(true, Ordering::Release);
            value
        }
    }

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
