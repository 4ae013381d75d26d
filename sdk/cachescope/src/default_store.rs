//! The default store of a cache: moka, if its feature is on.

#[cfg(feature = "moka")]
pub(crate) use cachescope_moka::{Moka as DefaultConfig, MokaStore as DefaultStore};

#[cfg(not(feature = "moka"))]
pub(crate) use self::none::{NoStore as DefaultConfig, NoStore as DefaultStore};

#[cfg(not(feature = "moka"))]
mod none {
    use std::marker::PhantomData;

    /// No store. Without the feature `moka`, call `.store(…)` before `.build()`.
    #[derive(Debug)]
    pub struct NoStore<K, V>(PhantomData<fn() -> (K, V)>);

    impl<K, V> Default for NoStore<K, V> {
        fn default() -> Self {
            Self(PhantomData)
        }
    }
}
