//! The shared store (L2) of a cache. In a build without the feature `shared`, `none` takes the place of `shared`.

#[cfg(not(feature = "shared"))]
mod none;
#[cfg(feature = "shared")]
mod shared;

#[cfg(not(feature = "shared"))]
pub(crate) use self::none::{Led, SharedTier, Storing, build};
#[cfg(feature = "fleet")]
pub(crate) use self::shared::{Lease, random, within};
#[cfg(feature = "shared")]
pub(crate) use self::shared::{Led, SharedTier, Storing, build};
