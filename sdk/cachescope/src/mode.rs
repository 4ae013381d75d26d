//! The mode of a cache: async or blocking.

use crate::engine::background::Runs;

/// The mode of a cache that is called with `.await`.
#[derive(Debug)]
pub enum Async {}

/// The mode of a cache: [`Async`], or `sync::Blocking`.
pub trait Mode: sealed::Sealed {}

impl Mode for Async {}

impl sealed::Sealed for Async {
    const RUNS: Runs = Runs::InItsRuntime;
}

pub(crate) mod sealed {
    use crate::engine::background::Runs;

    pub trait Sealed {
        /// Where background tasks run.
        const RUNS: Runs;
    }
}
